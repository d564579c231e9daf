import { beforeEach, describe, expect, it } from 'vitest'
import type { BackupOptions } from '../../../src/repository/backup.ts'
import { resolveBackup } from '../../../src/repository/catalogue.ts'
import { planBackup } from '../../../src/repository/plan-backup.ts'
import { readFileContent, readFileEntries } from '../../../src/repository/read.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import type { HostSource } from '../../../src/repository/source.ts'
import { storageHost } from '../../../src/repository/sources/names.ts'
import { verify } from '../../../src/repository/verify.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { faultyStorage } from '../../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  quietIo,
  stateOf,
  type TestClock,
  testClock,
  testRandom,
} from '../support.ts'
import { type Bucket, makeBucket, sourceOf } from './bucket.ts'

/** Blocks that differ. */
const largeText = Array.from({ length: 30 }, (_, i) => `${i}`.padStart(5)).join('')
const otherText = largeText.replaceAll(' ', '_')

let vault: Storage
let lake: Bucket
let clock: TestClock
beforeEach(async () => {
  vault = createMemoryStorage('vault')
  lake = makeBucket('lake')
  clock = testClock()
  await lake.set('empty', '')
  await lake.set('small/one', 'one')
  await lake.set('small/two', 'two')
  await lake.set('large', largeText)
})

const options = (source: HostSource, changes: Partial<BackupOptions> = {}): BackupOptions => {
  clock.advance(5000)
  return backupOptions(vault, [source], { clock, ...changes })
}
const store = (source = sourceOf(lake, vault), changes: Partial<BackupOptions> = {}) =>
  backUp(options(source, changes), quietIo)

/** What the latest backup holds: paths and content, read through every check of a reader. */
async function stored(): Promise<Readonly<Record<string, string>>> {
  const repo = await openRepository(vault, quietIo)
  const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
  const all: Record<string, string> = {}
  for await (const file of readFileEntries(repo, backup, quietIo)) {
    const parts: Uint8Array[] = []
    for await (const part of readFileContent(repo, file, quietIo)) parts.push(part)
    all[`${file.host}:${Buffer.from(file.path).toString()}`] =
      Buffer.concat(parts).toString('latin1')
  }
  return all
}

describe('a storage as a source', () => {
  it.each([true, false])(
    'is stored once, and unchanged is not read again (etags: %s)',
    async etags => {
      lake = makeBucket('lake', { etags })
      await lake.set('small/one', 'one')
      await lake.set('small/two', 'two')
      await lake.set('large', largeText)
      await lake.set('empty', '')
      const first = await store()
      expect(first).toMatchObject({ files: 4, bytes: 156, reused_bytes: 0, warnings: [] })
      expect(await stored()).toEqual({
        'storage:lake:/empty': '',
        'storage:lake:/large': largeText,
        'storage:lake:/small/one': 'one',
        'storage:lake:/small/two': 'two',
      })
      // Three blocks of the large one, and one request for each small one.
      expect(lake.gets).toHaveLength(5)
      lake.gets.length = 0
      expect(await store()).toMatchObject({ files: 4, reused_bytes: 156 })
      expect(lake.gets).toEqual([])
      await lake.set('small/two', 'TWO')
      expect(await store()).toMatchObject({ files: 4, reused_bytes: 153 })
      expect(lake.gets).toEqual(['small/two'])
      expect(await stored()).toMatchObject({ 'storage:lake:/small/two': 'TWO' })
      expect(await faults()).toEqual([])
      expect(lake.writes).toEqual([])
    },
  )

  it('keeps etags, and plans with one listing', async () => {
    await store()
    lake.gets.length = 0
    await lake.set('large', otherText)
    const plan = await planBackup(options(sourceOf(lake, vault)), quietIo)
    expect(plan).toMatchObject({ files: 4, read_files: 1, read_bytes: 150, reused_bytes: 6 })
    expect(lake.gets).toEqual([])
    const repo = await openRepository(vault, quietIo)
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    for await (const file of readFileEntries(repo, backup, quietIo)) {
      expect(file.etag).toMatch(/^"[0-9a-f]{32}"$/)
    }
    expect(backup.manifest.backupMeta?.hostsExpected).toEqual(['storage:lake'])
  })

  it('has prefixes as roots, under names that stay the same', async () => {
    const roots = [
      ['/small', '/tables'],
      ['/other', '/other'],
    ] as const
    await lake.set('smaller/x', 'not below')
    const { warnings } = await store(sourceOf(lake, vault, { roots }))
    expect(await stored()).toEqual({
      'storage:lake:/tables/one': 'one',
      'storage:lake:/tables/two': 'two',
    })
    expect(warnings).toEqual(['storage:lake holds no object below other'])
  })

  it('fails for names that no backup can hold, and names them, unless they are excluded', async () => {
    lake.foreign = [
      { name: 'a//b', sizeBytes: 3 },
      { name: '../etc', sizeBytes: 0 },
      { name: 'folder/', sizeBytes: 0 },
    ]
    await lake.set('small/one/below', 'x')
    await expect(store()).rejects.toMatchObject({
      code: 'repository.source_unfit',
      message:
        'storage:lake holds 3 objects under names that no backup can hold: "a//b" (not a path of names), "../etc" (not a path of names), "small/one/below" ("small/one" is an object, too)',
    })
    await expect(planBackup(options(sourceOf(lake, vault)), quietIo)).rejects.toMatchObject({
      code: 'repository.source_unfit',
    })
    const exclude = ['a//*', '..', 'below']
    const done = await store(sourceOf(lake, vault, { exclude }), { exclude })
    expect(done.warnings).toEqual([
      'storage:lake: left out, as they only stand for folders: 1 empty objects',
    ])
    expect(done.files).toBe(4)
  })

  it('says when a storage cannot tell of such names', async () => {
    const { listAll: _listAll, ...storage } = lake.storage
    const { warnings } = await store(sourceOf({ storage }, vault))
    expect(warnings).toEqual([
      'storage:lake: objects under names that no backup can hold are not seen in memory://lake',
    ])
  })

  it.each([
    ['small/one', 'ONE', 'was written'],
    ['small/one', 'longer', 'grew'],
    ['small/one', 'x', 'shrank'],
    ['large', otherText, 'was written'],
    ['large', largeText.slice(0, 20), 'shrank'],
    ['large', undefined, 'vanished'],
  ])('fails where %s changes while it is read (%#)', async (name, content, what) => {
    for (const etags of [true, false]) {
      lake = makeBucket('lake', { etags })
      await lake.set('small/one', 'one')
      await lake.set('large', largeText)
      let hits = 0
      lake.onGet = async at => {
        if (at !== name) return
        hits += 1
        // The first block of the large one has been read then.
        if (hits !== (name === 'large' ? 2 : 1)) return
        if (content === undefined) await lake.remove(name)
        else {
          clockTick()
          await lake.set(name, content)
        }
      }
      await expect(store(), `etags ${etags}`).rejects.toMatchObject({
        code: 'repository.source_changed',
        message: `storage:lake:/${name} ${what} while it was read`,
      })
    }
  })

  it('commits nothing where the n-th request to it fails, and is whole when it is run again', async () => {
    for (let nth = 1; ; nth += 1) {
      const faulty = faultyStorage(lake.storage, { nth, when: 'before' })
      const failure = await store(sourceOf(faulty, vault)).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(await stateOf(vault), `request ${nth}`).toHaveLength(failure === undefined ? 1 : 0)
      if (failure === undefined) break
      expect(failure).toMatchObject({ code: 'storage.unreachable' })
    }
    expect(await stored()).toMatchObject({ 'storage:lake:/large': largeText })
  })

  it('refuses the repository it goes to, also under another address', async () => {
    await store()
    for await (const { key: found } of vault.list('', quietIo)) {
      await lake.set(`backups/${found}`, await vault.get(found, quietIo))
    }
    await expect(store()).rejects.toMatchObject({
      code: 'usage.invalid',
      message: expect.stringContaining('at backups/bendsave.md: backups would hold themselves'),
    })
    const exclude = ['/backups']
    expect(await store(sourceOf(lake, vault, { exclude }), { exclude })).toMatchObject({ files: 4 })
  })

  it('is called by its name, or by what its URL says', () => {
    expect(storageHost('lake')).toBe('storage:lake')
    expect(storageHost('s3://lake/a/b?endpoint=http://x&region=y')).toBe('storage:s3:lake:a:b')
    expect(storageHost('file:///srv/lake/')).toBe('storage:file:srv:lake')
  })
})

/** Waits until a time of this machine differs: all that tells of a change where there is no etag. */
function clockTick(): void {
  const before = Date.now()
  while (Date.now() === before);
}

async function faults(): Promise<readonly unknown[]> {
  const repo = await openRepository(vault, quietIo)
  clock.advance(1000)
  const found = await verify(repo, { readData: true, clock, random: testRandom('verify') }, quietIo)
  return found.errors
}
