import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isRecord } from '../../../src/base/json.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { differs } from '../../../src/repository/restore/compare.ts'
import { makeRestoreScene, type RestoreScene } from './scene.ts'
import { at, makeOddTree, oddNames, snapshot } from './tree.ts'

let scene: RestoreScene
beforeEach(() => {
  scene = makeRestoreScene()
})
afterEach(async () => {
  await scene.close()
})

describe.each(['local', 'relay'] as const)('backup and restore on plane %s', plane => {
  it('brings an odd tree back, byte for byte, and then finds nothing to do', async () => {
    const target = join(scene.folder, 'data "dir"')
    makeOddTree(target)
    const before = snapshot(target)
    await scene.backUp([{ path: target }], plane)
    for (const name of oddNames.slice(0, 6)) appendFileSync(at(target, name), 'more')
    rmSync(join(target, 'deep'), { recursive: true })
    rmSync(join(target, 'dangling'))
    chmodSync(join(target, 'open'), 0o600)
    writeFileSync(join(target, 'surplus'), 'x')
    const changed = snapshot(target)

    const staged = await scene.stage()
    expect(snapshot(target)).toEqual(changed)
    await scene.swap(staged)
    expect(snapshot(target)).toEqual(before)
    const [tree] = staged.hosts['here'] ?? []
    expect(snapshot(tree?.old ?? '')).toEqual(changed)
    const again = await scene.plan()
    expect(again.map(({ difference }) => difference)).toMatchObject([
      { metadata: 0, changed: 0, added: 0, removed: 0, fetchBytes: 0 },
    ])
  })
})

/** A host that tells times in whole seconds, as an old file system or an old busybox does. */
function coarse(host: Host): Host {
  const floor = (ns: bigint): bigint => ns - (ns % 1_000_000_000n)
  const floored = (found: unknown): unknown => {
    if (!isRecord(found)) return found
    const { mtimeNs, ctimeNs, entry } = found
    if (isRecord(entry)) return { ...found, entry: floored(entry) }
    if (typeof mtimeNs !== 'bigint' || typeof ctimeNs !== 'bigint') return found
    return { ...found, mtimeNs: floor(mtimeNs), ctimeNs: floor(ctimeNs) }
  }
  const scan = async function* (...words: Parameters<Host['scan']>): AsyncIterable<unknown> {
    for await (const found of host.scan(...words)) yield floored(found)
  }
  return { ...host, scan: scan as Host['scan'] }
}

describe('restore, where times are whole seconds', () => {
  it('brings back a file that was written once more in the second of its backup', async () => {
    const own = makeRestoreScene(undefined, undefined, { host: coarse })
    try {
      const target = join(own.folder, 'db')
      const contents = { small: 'one', large: 'one'.repeat(400_000), same: 'same' }
      mkdirSync(target)
      for (const [name, text] of Object.entries(contents)) writeFileSync(join(target, name), text)
      await own.backUp([{ path: target }], 'relay')
      for (const name of ['small', 'large']) {
        const path = join(target, name)
        const { atime, mtime } = lstatSync(path)
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll('one', 'two'))
        utimesSync(path, atime, mtime)
      }
      const planned = await own.plan()
      expect(planned.map(({ difference }) => difference)).toMatchObject([
        { unchanged: 2, metadata: 0, changed: 2, added: 0, removed: 0 },
      ])
      await own.swap(await own.stage())
      for (const [name, text] of Object.entries(contents)) {
        expect(readFileSync(join(target, name), 'utf8') === text, name).toBe(true)
      }
    } finally {
      await own.close()
    }
  })
})

describe('restore', () => {
  it('builds a tree where nothing was, folders above it too', async () => {
    const source = join(scene.folder, 'source')
    makeOddTree(source)
    await scene.backUp([{ path: source, as: 'logical' }])
    const target = join(scene.folder, 'new', 'place')
    await scene.swap(await scene.stage({ pathMap: { logical: target } }))
    expect(snapshot(target)).toEqual(snapshot(source))
  })

  it('links unchanged immutable files and copies others', async () => {
    const target = join(scene.folder, 'db')
    mkdirSync(target)
    writeFileSync(join(target, '1.sst'), 'immutable')
    await scene.backUp([{ path: target, immutable: true }])
    writeFileSync(join(target, '2.sst'), 'new')
    const { ino } = lstatSync(join(target, '1.sst'))
    await scene.swap(await scene.stage())
    expect(lstatSync(join(target, '1.sst')).ino).toBe(ino)
    expect(existsSync(join(target, '2.sst'))).toBe(false)
  })

  it('restores a single file, and a part of a tree', async () => {
    const target = join(scene.folder, 'etc')
    mkdirSync(join(target, 'sub'), { recursive: true })
    writeFileSync(join(target, 'one.conf'), 'one')
    writeFileSync(join(target, 'sub', 'two.conf'), 'two')
    const before = snapshot(join(target, 'sub'))
    await scene.backUp([{ path: target }])
    writeFileSync(join(target, 'one.conf'), 'ONE!')
    writeFileSync(join(target, 'sub', 'two.conf'), 'TWO!')
    await scene.swap(await scene.stage({ paths: [join(target, 'sub')] }))
    expect(snapshot(join(target, 'sub'))).toEqual(before)
    expect(lstatSync(join(target, 'one.conf')).size).toBe(4)
    await scene.swap(await scene.stage({ paths: [join(target, 'one.conf')] }, '2'))
    expect(lstatSync(join(target, 'one.conf')).size).toBe(3)
  })

  it('says what would change, with exact counts and capped lines', async () => {
    const target = join(scene.folder, 'many')
    mkdirSync(target)
    for (let n = 0; n < 30; n += 1) writeFileSync(join(target, `file${n}`), `content ${n}`)
    await scene.backUp([{ path: target }])
    for (let n = 0; n < 30; n += 1) appendFileSync(join(target, `file${n}`), '+')
    rmSync(join(target, 'file7'))
    writeFileSync(join(target, 'aaa'), 'surplus')
    const [planned] = await scene.plan()
    expect(planned?.difference).toMatchObject({
      changed: 29,
      added: 1,
      removed: 1,
      fetchBytes: 290,
    })
    expect(planned?.difference.lines.slice(0, 3)).toEqual([
      'metadata ./',
      'removed aaa 7 B',
      'changed file0 9 B',
    ])
    expect(planned?.difference.lines.at(-1)).toBe('... and 12 more')
    expect(planned === undefined ? false : differs(planned.difference)).toBe(true)
  })

  it('takes a rewritten file with the same bytes for the same', async () => {
    const target = join(scene.folder, 'same')
    mkdirSync(target)
    writeFileSync(join(target, 'small'), 'content')
    writeFileSync(join(target, 'large'), Buffer.alloc(9_000_000, 'large'))
    const before = snapshot(target)
    await scene.backUp([{ path: target }])
    writeFileSync(join(target, 'small'), 'content')
    writeFileSync(join(target, 'large'), Buffer.alloc(9_000_000, 'large'))
    const [planned] = await scene.plan()
    expect(planned?.difference).toMatchObject({ metadata: 2, changed: 0, fetchBytes: 0 })
    await scene.swap(await scene.stage())
    expect(snapshot(target)).toEqual(before)
  })
})
