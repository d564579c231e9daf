import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { diffBackups } from '../../../src/repository/diff/diff.ts'
import { countDifferences } from '../../../src/repository/diff/totals.ts'
import { type FileScope, fileScope } from '../../../src/repository/extract/scope.ts'
import { openRepository, readBackup } from '../../../src/repository/repository.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import {
  backUp,
  backupOptions,
  type MemoryHost,
  memoryHost,
  quietIo,
  smallGeometry,
  testClock,
} from '../support.ts'

const geometry = { ...smallGeometry, blockBytes: 256, inlineListBytes: 500 }

/** The differences between the hosts before and after a change, as lines. */
async function diffOf(
  hosts: readonly MemoryHost[],
  change: () => readonly MemoryHost[] | undefined,
  scope: FileScope = {},
) {
  const storage = createMemoryStorage()
  const clock = testClock()
  const a = await backUp(backupOptions(storage, hosts, { clock, geometry }), quietIo)
  const after = change() ?? hosts
  clock.advance(1000)
  const b = await backUp(backupOptions(storage, after, { clock, geometry }), quietIo)
  const repo = await openRepository(storage, quietIo)
  const [one, other] = [
    await readBackup(repo, a.backup, quietIo),
    await readBackup(repo, b.backup, quietIo),
  ]
  const counts = countDifferences()
  const lines: string[] = []
  for await (const found of diffBackups(repo, { a: one, b: other }, scope, quietIo)) {
    counts.add(found)
    const file = found.after ?? found.before
    const path = Buffer.from(file?.path ?? []).toString()
    lines.push(`${found.change} ${file?.host}:${path} ${found.what.join()}`.trimEnd())
  }
  return { lines, totals: counts.totals() }
}

describe('diff', () => {
  it('tells what was added, removed and changed, and in what', async () => {
    const host = memoryHost('db1')
    host.set('same', 'same')
    host.set('touched', 'touched')
    host.set('content', 'aaaa')
    host.set('longer', 'a'.repeat(300))
    host.set('mode', 'x', { mode: 0o600 })
    host.set('gone', 'gone')
    host.set('becomes', 'file')
    host.set('link', '', { type: 'symlink', symlinkTarget: Buffer.from('a') })
    host.set('grows', 'x'.repeat(10))
    const { lines, totals } = await diffOf([host], () => {
      host.set('touched', 'touched')
      host.set('content', 'bbbb')
      host.set('longer', `${'a'.repeat(299)}b`)
      host.set('mode', 'x', { mode: 0o640 })
      host.remove('gone')
      host.set('becomes', '', { type: 'directory' })
      host.set('becomes/new', 'new')
      host.set('link', '', { type: 'symlink', symlinkTarget: Buffer.from('b') })
      host.set('grows', 'x'.repeat(400), { mode: 0o600 })
      return undefined
    })
    expect(lines).toEqual([
      'changed db1:/data/becomes type',
      'added db1:/data/becomes/new',
      'changed db1:/data/content content',
      'removed db1:/data/gone',
      'changed db1:/data/grows content,mode',
      'changed db1:/data/link target',
      'changed db1:/data/longer content',
      'changed db1:/data/mode mode',
    ])
    expect(totals).toEqual([
      {
        host: 'db1',
        added: 1,
        added_bytes: 3,
        removed: 1,
        removed_bytes: 4,
        changed: 6,
        changed_bytes: 704,
      },
    ])
  })

  it('goes by hosts, those that only one of the backups has too', async () => {
    const [one, two, three] = [memoryHost('db1'), memoryHost('db2'), memoryHost('db3')]
    for (const host of [one, two, three]) host.set('f', host.host)
    const { lines, totals } = await diffOf([one, two], () => [two, three])
    expect(lines).toEqual([
      'removed db1:/data',
      'removed db1:/data/f',
      'added db3:/data',
      'added db3:/data/f',
    ])
    expect(totals.map(({ host }) => host)).toEqual(['db1', 'db3'])
    const scope = fileScope('db3', '/data/f')
    const scoped = await diffOf([one, two], () => [two, three], scope)
    expect(scoped.lines).toEqual(['added db3:/data/f'])
  })

  it('is what comparing the trees says, for any two', async () => {
    const names = fc.constantFrom('a', 'a b', 'a/b', 'a-b', 'a/c', 'z', 'é')
    const content = fc.constantFrom('', 'x', 'xx', 'y'.repeat(20), 'z'.repeat(600))
    const tree = fc.dictionary(names, content).map(files => {
      // What is a folder is no file.
      if (Object.keys(files).some(name => name.startsWith('a/'))) Reflect.deleteProperty(files, 'a')
      return files
    })
    await fc.assert(
      fc.asyncProperty(tree, tree, async (before, after) => {
        const host = memoryHost('db1')
        for (const [name, text] of Object.entries(before)) host.set(name, text)
        const { lines } = await diffOf([host], () => {
          for (const name of Object.keys(before)) if (!(name in after)) host.remove(name)
          for (const [name, text] of Object.entries(after)) host.set(name, text)
          return undefined
        })
        const expected = [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(
          name => {
            const path = `db1:/data/${name}`
            if (!(name in before)) return [`added ${path}`]
            if (!(name in after)) return [`removed ${path}`]
            return before[name] === after[name] ? [] : [`changed ${path} content`]
          },
        )
        expect([...lines].sort()).toEqual(expected.sort())
      }),
      { numRuns: 25 },
    )
  })
})
