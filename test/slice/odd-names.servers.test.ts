import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeOddTree, oddNames } from '../repository/restore/tree.ts'
import { explain, listBackups, playbooks } from './bkp.ts'
import { dataFolder, type Fleet, startFleet } from './fleet.ts'
import { type Listing, listing } from './listing.ts'

const tree = `${dataFolder}/tree "$HOME"`
const quoted = `'${tree}'`

let fleet: Fleet
let original: Listing

const seen = (): Listing => listing(fleet.host('odd').run, tree)
const bkp = (words: readonly string[]): void => {
  const outcome = fleet.run([...words, '-i', fleet.inventory, '-e', 'cluster=databases'])
  expect(outcome.status, explain(outcome)).toBe(0)
}

beforeAll(async () => {
  fleet = await startFleet(['odd'], { paths: [tree] })
  makeOddTree(join(fleet.host('odd').root, tree))
  original = seen()
})
afterAll(() => fleet?.stop())

describe('a tree of odd names, times, modes and links over SSH', () => {
  it('is backed up whole, and a second time without a new block of data', () => {
    expect(Object.keys(original).length).toBeGreaterThan(2 * oddNames.length)
    bkp(['run', playbooks.backup])
    bkp(['run', playbooks.backup])
    const [first, second] = listBackups(fleet)
    expect(second?.files).toBe(first?.files)
    expect(first?.new_bytes).toBeGreaterThan(3_000_000)
    expect(second?.new_bytes).toBeLessThan(100_000)
    expect(seen()).toEqual(original)
  })

  it('comes back byte for byte after it was wrecked', () => {
    fleet.host('odd').run(`cd ${quoted}
      chmod 700 locked && echo wrecked >locked
      rm -r deep './-rf' 'empty folder'
      ln -sfn elsewhere dangling
      chmod 600 open
      echo more >>large
      mkdir 'not in the backup'
      touch -d @1 './--help'`)
    expect(seen()).not.toEqual(original)
    bkp(['run', playbooks.restore, '--confirm=databases'])
    expect(seen()).toEqual(original)
  })

  it('comes back where nothing of it is left', () => {
    fleet.host('odd').run(`rm -rf ${quoted}`)
    bkp(['run', playbooks.restore, '--confirm=databases'])
    expect(seen()).toEqual(original)
  })

  it('is then as in the backup: a plan finds nothing to do', () => {
    const outcome = fleet.run([
      'plan',
      playbooks.restore,
      '-i',
      fleet.inventory,
      '-e',
      'cluster=databases',
      '--json',
      '--detailed-exitcode',
    ])
    expect(outcome.status, explain(outcome)).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ changes: [] })
  })
})
