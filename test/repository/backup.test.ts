import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { HostProgress, Io } from '../../src/base/io.ts'
import { resolveBackup } from '../../src/repository/catalogue.ts'
import { formatGeometry } from '../../src/repository/geometry.ts'
import { planBackup } from '../../src/repository/plan-backup.ts'
import { streamBlocks } from '../../src/repository/planes/stream-blocks.ts'
import { readFileEntries } from '../../src/repository/read.ts'
import { openRepository } from '../../src/repository/repository.ts'
import type { HostSource } from '../../src/repository/source.ts'
import { verify } from '../../src/repository/verify.ts'
import { createBuffers } from '../../src/repository/workers/buffers.ts'
import { createWorkers } from '../../src/repository/workers/pool.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { readOnlyStorage } from '../../src/storage/read-only.ts'
import { faultyStorage } from '../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  bytesOf,
  keysBelow,
  memoryHost,
  quietIo,
  restoredTree,
  smallGeometry,
  stateOf,
  testClock,
  testRandom,
} from './support.ts'

const made: string[] = []
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true })
})

function filled(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 6) * 7) % 256)
}

describe('backUp', () => {
  it('gives back what was there: packed, chunked, empty, odd names, links, modes, times', async () => {
    const host = memoryHost('db1')
    host.set('dir', '', { type: 'directory', mode: 0o1777, mtimeNs: 3n })
    host.set('dir/empty', '')
    host.set('empty dir', '', { type: 'directory', mode: 0o700 })
    host.set('small', 'tiny', { mode: 0o4755, mtimeNs: 1_700_000_000_123_456_789n })
    host.set('exactly', filled(64, 1))
    host.set('one more', filled(65, 2))
    host.set('large', filled(1000, 3))
    host.set('before 1970', 'x', { mtimeNs: -1n })
    host.set('link', '', { type: 'symlink', symlinkTarget: Buffer.from('/etc/../\xff', 'latin1') })
    host.set('new\nline', 'a')
    host.set('quotes\'"`$(id)', 'b')
    host.set(Buffer.from('\xff\xfe not utf-8', 'latin1'), filled(100, 4))
    host.set('n'.repeat(255), 'c')
    host.set('trailing space ', 'd')
    host.set('-leading dash', 'e')
    for (let i = 0; i < 50; i += 1) host.set(`many/${i}`, `${i}`.repeat(1 + (i % 15)))
    host.set('many', '', { type: 'directory' })
    const storage = createMemoryStorage()
    const result = await backUp(backupOptions(storage, [host]), quietIo)
    expect(result).toMatchObject({
      backup: '20250114_201500',
      manifest: 'manifests/20250114_201500.manifest',
      reused_bytes: 0,
      warnings: [],
    })
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, result.backup, 'db1')).toEqual(host.tree())
    const verified = await verify(
      repo,
      { readData: true, clock: testClock(), random: testRandom() },
      quietIo,
    )
    expect(verified.errors).toEqual([])
    expect(verified.checked.backups).toBe(1)
  })

  it('reads nothing of unchanged files, and stores nothing for them', async () => {
    const host = memoryHost('db1')
    for (let i = 0; i < 30; i += 1) host.set(`f${i}`, filled(i * 10, i))
    const storage = createMemoryStorage()
    const clock = testClock()
    const first = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    host.reads.length = 0
    clock.advance(60_000)
    const before = await keysBelow(storage, 'data/')
    const second = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect(host.reads).toEqual([])
    expect(second).toMatchObject({ new_bytes: 0, reused_bytes: first.bytes, files: 30 })
    expect(await keysBelow(storage, 'data/')).toEqual(before)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, second.backup, 'db1')).toEqual(host.tree())
    const { manifest } = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    expect(manifest.backupMeta).toMatchObject({ parent: first.backup, kind: 1 })
  })

  it('reads only what changed, and sends only blocks that are new', async () => {
    const host = memoryHost('db1')
    const large = filled(64 * 10, 1)
    host.set('large', large)
    host.set('same', filled(500, 2))
    host.set('small', 'before')
    host.set('small 2', 'untouched')
    const storage = createMemoryStorage()
    const clock = testClock()
    await backUp(backupOptions(storage, [host], { clock }), quietIo)
    const changed = Uint8Array.from(large)
    changed[64 * 4 + 5] = 255 - (changed[64 * 4 + 5] ?? 0)
    host.set('large', changed)
    host.set('small', 'after')
    host.reads.length = 0
    const readBefore = host.bytesRead()
    clock.advance(60_000)
    const plan = await planBackup(backupOptions(storage, [host], { clock }), quietIo)
    expect(plan).toMatchObject({ read_files: 2, read_bytes: 645, reused_bytes: 509, bytes: 1154 })
    const second = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect([...new Set(host.reads)].sort()).toEqual(['large', 'small'])
    // One block of the large file, the small file, and the lists that name them.
    expect(host.bytesRead() - readBefore).toBe(64 + 5)
    expect(second.reused_bytes).toBe(1154 - 64 - 5)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, second.backup, 'db1')).toEqual(host.tree())
    expect((await restoredTree(repo, '20250114_201500', 'db1')).get('/data/small')).toContain(' 6 ')
  })

  it('sends nothing for files that were only touched', async () => {
    const host = memoryHost('db1')
    host.set('small', 'content')
    host.set('large', filled(300, 1))
    const storage = createMemoryStorage()
    const clock = testClock()
    await backUp(backupOptions(storage, [host], { clock }), quietIo)
    const before = (await keysBelow(storage, 'data/')).length
    host.set('small', 'content')
    host.set('large', filled(300, 1))
    clock.advance(60_000)
    const second = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect(second).toMatchObject({ new_bytes: 0, reused_bytes: 307 })
    expect(await keysBelow(storage, 'data/')).toHaveLength(before)
  })

  it('reuses all of a checkpoint under another folder name, whatever its ctime', async () => {
    const storage = createMemoryStorage()
    const clock = testClock()
    const checkpoint = (name: string, ctime: bigint): ReturnType<typeof memoryHost> => {
      const host = memoryHost('db1', { root: '/db', source: `/snap/${name}`, immutable: true })
      host.set('1.sst', filled(400, 1), { inode: 1n, mtimeNs: 5n, ctimeNs: ctime })
      host.set('2.sst', 'small', { inode: 2n, mtimeNs: 6n, ctimeNs: ctime })
      return host
    }
    await backUp(backupOptions(storage, [checkpoint('a', 1n)], { clock }), quietIo)
    clock.advance(60_000)
    const host = checkpoint('b', 2n)
    host.set('3.sst', filled(80, 3), { inode: 3n })
    const second = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect(host.reads).toEqual(['3.sst'])
    expect(second.reused_bytes).toBe(405)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, second.backup, 'db1')).toEqual(host.tree())
    const { manifest } = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    expect(Buffer.from(manifest.backupMeta?.roots[0]?.source ?? []).toString()).toBe('/snap/b')
  })

  it('takes only files of certain names for immutable where it is told which', async () => {
    const storage = createMemoryStorage()
    const clock = testClock()
    const root = { immutable: true, immutableFiles: ['*.sst'] }
    const checkpoint = (ctimeNs: bigint, log: number): ReturnType<typeof memoryHost> => {
      const host = memoryHost('db1', root)
      host.set('data/1.sst', filled(90, 1), { inode: 1n, mtimeNs: 5n, ctimeNs })
      host.set('wal/1/0.wal', filled(90, log), { inode: 2n, mtimeNs: 5n, ctimeNs })
      return host
    }
    await backUp(backupOptions(storage, [checkpoint(1n, 2)], { clock }), quietIo)
    clock.advance(60_000)
    const host = checkpoint(2n, 3)
    await backUp(backupOptions(storage, [host], { clock }), quietIo)
    // A log that was written again is another, though its size and mtime may be the same.
    expect(host.reads).toEqual(['wal/1/0.wal'])
    const repo = await openRepository(storage, quietIo)
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    const immutable: string[] = []
    for await (const file of readFileEntries(repo, backup, quietIo)) {
      if (file.immutable) immutable.push(Buffer.from(file.path).toString())
    }
    expect(immutable).toEqual(['/data/data/1.sst'])
  })

  it('keeps two clusters in one repository apart', async () => {
    const storage = createMemoryStorage()
    const clock = testClock()
    const one = memoryHost('db1')
    one.set('f', filled(100, 1))
    const other = memoryHost('db1')
    other.set('f', filled(100, 2), { inode: 9n })
    const cluster = (name: string) => ({ clock, cluster: { kind: 'files', name } })
    const first = await backUp(backupOptions(storage, [one], cluster('one')), quietIo)
    clock.advance(1000)
    const second = await backUp(backupOptions(storage, [other], cluster('other')), quietIo)
    clock.advance(1000)
    const third = await backUp(backupOptions(storage, [one], cluster('one')), quietIo)
    expect(third.new_bytes).toBe(0)
    const repo = await openRepository(storage, quietIo)
    const latest = (name: string) =>
      resolveBackup(repo, { backup: 'latest', cluster: { name } }, quietIo)
    expect((await latest('one')).name).toBe(third.backup)
    expect((await latest('one')).manifest.backupMeta?.parent).toBe(first.backup)
    expect((await latest('other')).name).toBe(second.backup)
    await expect(resolveBackup(repo, { backup: 'latest' }, quietIo)).rejects.toMatchObject({
      code: 'repository.backup_ambiguous',
      message: expect.stringContaining('one (files), other (files)'),
    })
    await expect(latest('none')).rejects.toMatchObject({ code: 'repository.backup_not_found' })
  })

  it('backs up several hosts at once, each packed by itself, and says which are missing', async () => {
    const hosts = ['b', 'a', 'c'].map((name, seed) => {
      const host = memoryHost(name)
      for (let i = 0; i < 20; i += 1) host.set(`f${i}`, filled(i, i + 40 * seed))
      return host
    })
    const storage = createMemoryStorage()
    const options = { hostsExpected: ['a', 'b', 'c', 'd'], hostsInFlight: 2 }
    const result = await backUp(backupOptions(storage, hosts, options), quietIo)
    const repo = await openRepository(storage, quietIo)
    const entries: string[] = []
    const packsOf = new Map<string, Set<string>>()
    const backup = await resolveBackup(repo, { backup: result.backup }, quietIo)
    for await (const file of readFileEntries(repo, backup, quietIo)) {
      entries.push(`${file.host} ${file.path}`)
      const [block] = file.blocks
      if (file.size === 0n || file.size >= 16n || block === undefined) continue
      packsOf.set(block.blockId, (packsOf.get(block.blockId) ?? new Set()).add(file.host))
    }
    expect(entries).toEqual([...entries].sort())
    expect(packsOf.size).toBeGreaterThan(3)
    for (const hostsOfPack of packsOf.values()) expect(hostsOfPack.size).toBe(1)
    for (const host of hosts) {
      expect(await restoredTree(repo, result.backup, host.host)).toEqual(host.tree())
    }
    expect(await stateOf(storage)).toEqual([`${result.backup} incomplete`])
    await expect(resolveBackup(repo, { backup: 'latest' }, quietIo)).rejects.toMatchObject({
      code: 'repository.backup_not_found',
    })
  })

  it('moves entries into list blocks when they are many, and one change changes one of them', async () => {
    const geometry = { ...smallGeometry, blockBytes: 4096, inlineListBytes: 2000 }
    const host = memoryHost('db1')
    for (let i = 0; i < 400; i += 1) host.set(`f${i}`, `${i}`)
    const storage = createMemoryStorage()
    const clock = testClock()
    const first = await backUp(backupOptions(storage, [host], { clock, geometry }), quietIo)
    const repo = await openRepository(storage, quietIo)
    const indexOf = async (name: string): Promise<readonly string[]> => {
      const { manifest } = await resolveBackup(repo, { backup: name }, quietIo)
      expect(manifest.storage).toEqual([])
      return manifest.storageIndex.map(({ blockId }) => blockId)
    }
    const before = await indexOf(first.backup)
    expect(before.length).toBeGreaterThan(8)
    host.set('f200', 'changed')
    host.set('f200x', 'new')
    clock.advance(1000)
    const second = await backUp(backupOptions(storage, [host], { clock, geometry }), quietIo)
    const after = await indexOf(second.backup)
    expect(after.filter(id => !before.includes(id)).length).toBeLessThanOrEqual(2)
    expect(await restoredTree(repo, second.backup, 'db1')).toEqual(host.tree())
    expect(await restoredTree(repo, first.backup, 'db1')).not.toEqual(host.tree())
  })

  it('leaves out what was excluded, and tells of sockets', async () => {
    const host = memoryHost('db1')
    for (const path of ['a.log', 'keep', 'tmp/x', 'tmp/deep/y', 'sub/tmp/z', 'sub/b.log']) {
      host.set(path, path)
    }
    host.set('socket', '', { type: 'other' })
    const storage = createMemoryStorage()
    const exclude = ['*.log', '/tmp']
    const result = await backUp(backupOptions(storage, [host], { exclude }), quietIo)
    const repo = await openRepository(storage, quietIo)
    const tree = await restoredTree(repo, result.backup, 'db1')
    expect([...tree.keys()].sort()).toEqual(['/data', '/data/keep', '/data/sub/tmp/z'])
    expect(result.warnings).toEqual([
      'db1:/data/socket is a socket, a device or a pipe and is left out',
    ])
  })

  for (const size of ['small', 'large'] as const) {
    const length = size === 'small' ? 10 : 200
    for (const [title, change] of [
      ['grows', (host: ReturnType<typeof memoryHost>) => host.set('f', filled(length + 3, 1))],
      ['shrinks', (host: ReturnType<typeof memoryHost>) => host.set('f', filled(length - 3, 1))],
      ['is written', (host: ReturnType<typeof memoryHost>) => host.set('f', filled(length, 9))],
      ['vanishes', (host: ReturnType<typeof memoryHost>) => host.remove('f')],
    ] as const) {
      it(`fails when a ${size} file ${title} while it is read, or warns when told to`, async () => {
        for (const before of ['new', 'known'] as const) {
          const host = memoryHost('db1')
          const storage = createMemoryStorage()
          const clock = testClock()
          host.set('other', filled(100, 5))
          if (before === 'known') {
            host.set('f', filled(length, 3))
            await backUp(backupOptions(storage, [host], { clock }), quietIo)
            clock.advance(1000)
          }
          host.set('f', filled(length, 1))
          const disturb = (): void => {
            host.onRead = path => {
              if (path !== 'f') return
              host.onRead = undefined
              change(host)
            }
          }
          disturb()
          await expect(
            backUp(backupOptions(storage, [host], { clock }), quietIo),
          ).rejects.toMatchObject({ code: 'repository.source_changed' })
          const repo = await openRepository(storage, quietIo)
          host.set('f', filled(length, 1))
          disturb()
          clock.advance(1000)
          const warned = await backUp(
            backupOptions(storage, [host], { clock, changedFiles: 'warn' }),
            quietIo,
          )
          expect(warned.warnings.join()).toContain('db1:/data/f')
          const checked = await verify(
            repo,
            { readData: true, clock, random: testRandom() },
            quietIo,
          )
          expect(checked.errors).toEqual([])
        }
      })
    }
  }

  it('plans without a write, for a new storage too', async () => {
    const storage = createMemoryStorage()
    const host = memoryHost('db1')
    host.set('f', filled(100, 1))
    const { storage: _, ...scope } = backupOptions(storage, [host])
    const plan = await planBackup({ ...scope, storage: readOnlyStorage(storage) }, quietIo)
    expect(plan).toMatchObject({ repository: 'new', parent: null, read_files: 1, read_bytes: 100 })
    expect(host.reads).toEqual([])
    expect(await keysBelow(storage, '')).toEqual([])
  })

  it('refuses a clock that lies before the newest backup, unless told otherwise', async () => {
    const storage = createMemoryStorage()
    const host = memoryHost('db1')
    await backUp(backupOptions(storage, [host]), quietIo)
    const late = { clock: testClock('2025-01-14T20:09:00.000Z') }
    await expect(backUp(backupOptions(storage, [host], late), quietIo)).rejects.toMatchObject({
      code: 'repository.clock',
      message: expect.stringMatching(/2025-01-14T20:09.*2025-01-14T20:15/),
    })
    const accepted = backupOptions(storage, [host], { ...late, acceptClock: true })
    expect((await backUp(accepted, quietIo)).backup).toBe('20250114_200900')
  })

  it('skips seconds that are taken, also when runs start together', async () => {
    const storage = createMemoryStorage()
    const runs = Array.from({ length: 5 }, (_, i) => {
      const host = memoryHost(`db${i}`)
      host.set('f', filled(100, i))
      const random = testRandom(`run ${i}`)
      return backUp(backupOptions(storage, [host], { random, parent: 'none' }), quietIo)
    })
    const names = (await Promise.all(runs)).map(({ backup }) => backup)
    expect(names.sort()).toEqual([0, 1, 2, 3, 4].map(second => `20250114_20150${second}`))
  })

  it('refuses a storage that holds other things, and sources that contradict themselves', async () => {
    const storage = createMemoryStorage()
    await storage.put('photos/1.jpg' as never, filled(3, 1), quietIo)
    const host = memoryHost('db1')
    await expect(backUp(backupOptions(storage, [host]), quietIo)).rejects.toMatchObject({
      code: 'usage.invalid',
    })
    const clean = createMemoryStorage()
    const twice = backupOptions(clean, [host, memoryHost('db1')])
    await expect(backUp(twice, quietIo)).rejects.toMatchObject({ code: 'usage.invalid' })
    const nested = {
      ...host,
      roots: [...host.roots, { ...host.roots[0]!, root: Buffer.from('/data/x') }],
    }
    await expect(backUp(backupOptions(clean, [nested]), quietIo)).rejects.toMatchObject({
      code: 'usage.invalid',
    })
    expect(await keysBelow(clean, '')).toEqual([])
  })

  it('works on a storage without atomic creation, and says so', async () => {
    const inner = createMemoryStorage()
    const storage = {
      ...inner,
      putIfAbsent: async (...args: Parameters<typeof inner.put>) => {
        await inner.put(...args)
        return 'created' as const
      },
    }
    const result = await backUp(backupOptions(storage, [memoryHost('db1')]), quietIo)
    expect(result.warnings.join()).toContain('--exclusive')
    expect(await keysBelow(inner, 'probe/')).toEqual([])
  })

  it('checkpoints a long run, and the next run continues from there', async () => {
    const storage = createMemoryStorage()
    const clock = testClock()
    const host = memoryHost('db1')
    for (let i = 0; i < 20; i += 1) host.set(`f${String(i).padStart(2, '0')}`, filled(100, i))
    let reads = 0
    host.onRead = () => {
      reads += 1
      clock.advance(60_000)
      if (reads === 15) throw new Error('the machine went down')
    }
    const options = backupOptions(storage, [host], { clock })
    await expect(backUp(options, quietIo)).rejects.toThrow('went down')
    const partial = (await stateOf(storage)).filter(line => line.endsWith('partial'))
    expect(partial).toHaveLength(1)
    host.onRead = undefined
    host.reads.length = 0
    clock.advance(60_000)
    const plan = await planBackup(options, quietIo)
    expect(`${plan.continues} partial`).toBe(partial[0])
    const result = await backUp(options, quietIo)
    expect(host.reads.length).toBeLessThanOrEqual(11)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, result.backup, 'db1')).toEqual(host.tree())
    expect(await stateOf(storage)).toEqual([
      partial[0]?.replace('partial', 'forgotten'),
      `${result.backup} complete`,
    ])
    const { manifest } = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    expect(manifest.backupMeta).toMatchObject({ parent: '', kind: 0 })
  })

  it('holds few blocks at a time, whatever the size of a file', async () => {
    const host = memoryHost('db1')
    host.set('large', filled(64 * 200, 1))
    let underWay = 0
    let most = 0
    const inner = createMemoryStorage()
    const storage = {
      ...inner,
      put: async (...args: Parameters<typeof inner.put>) => {
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise(setImmediate)
        await inner.put(...args)
        underWay -= 1
      },
    }
    await backUp(backupOptions(storage, [host], { blocksInFlight: 3 }), quietIo)
    expect(most).toBe(3)
  })

  it('joins to what was cut, for all sizes around a block', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 8 }),
        async (blockBytes, pieces) => {
          const source = (async function* () {
            yield* pieces
          })()
          const blocks: Uint8Array[] = []
          const workers = createWorkers()
          const tools = { workers, buffers: createBuffers(3, blockBytes + 1) }
          for await (const block of streamBlocks(source, blockBytes, tools, quietIo)) {
            expect(block.index).toBe(blocks.length)
            expect(Buffer.from(block.sha256)).toEqual(
              createHash('sha256').update(block.bytes).digest(),
            )
            blocks.push(Uint8Array.from(block.bytes))
            block.release()
          }
          await workers.close()
          expect(Buffer.concat(blocks)).toEqual(Buffer.concat(pieces))
          for (const block of blocks.slice(0, -1)) expect(block.length).toBe(blockBytes)
          expect(blocks.every(block => block.length > 0 && block.length <= blockBytes)).toBe(true)
        },
      ),
    ))

  it('reads side by side what it reads, packs in the order of paths, and fails as one', async () => {
    const host = memoryHost('db1', { filesInFlight: 4 })
    for (let i = 0; i < 900; i += 1) host.set(`small/${i}`, filled(1 + (i % 15), i))
    for (let i = 0; i < 30; i += 1) host.set(`large/${i}`, filled(20 + i * 17, i))
    const storage = createMemoryStorage()
    const result = await backUp(backupOptions(storage, [host]), quietIo)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, result.backup, 'db1')).toEqual(host.tree())
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    const packs: string[] = []
    for await (const { blocks, size } of readFileEntries(repo, backup, quietIo)) {
      const [block] = blocks
      if (size < 16n && block !== undefined && packs.at(-1) !== block.blockId) {
        packs.push(block.blockId)
      }
    }
    // Each pack holds neighbours: none is left and come back to.
    expect(new Set(packs).size).toBe(packs.length)
    const before = (await stateOf(storage)).length
    host.set('large/7', filled(400, 99))
    host.set('large/3', filled(400, 98))
    host.onRead = path => {
      if (path === 'large/7') throw new Error('the disk died')
    }
    const options = { clock: testClock('2025-01-15T00:00:00.000Z') }
    await expect(backUp(backupOptions(storage, [host], options), quietIo)).rejects.toThrow(
      'the disk died',
    )
    expect(await stateOf(storage)).toHaveLength(before)
  })

  it('cuts and packs with the sizes of the format', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bkp-backup-'))
    made.push(directory)
    const mebibyte = 1024 * 1024
    const host = memoryHost('db1')
    host.walk = host.walk.bind(host)
    const whole = new Uint8Array(8 * mebibyte + 1).map((_, i) => (i * 7 + (i >> 12)) % 251)
    for (const delta of [-1, 0, 1])
      host.set(`block${delta}`, whole.subarray(0, 8 * mebibyte + delta))
    for (const delta of [-1, 0]) host.set(`pack${delta}`, whole.subarray(7, 7 + mebibyte + delta))
    host.readBlocks = (_root, entry, { offset, lengthBytes, blockBytes }, tools, io) => {
      const pieces = async function* (): AsyncIterable<Uint8Array> {
        const bytes = host.get(entry.path)?.bytes ?? new Uint8Array()
        yield bytes.subarray(offset, offset + lengthBytes)
      }
      return streamBlocks(pieces(), blockBytes, tools, io)
    }
    const storage = createFileStorage({ directory })
    const options = backupOptions(storage, [host], { geometry: formatGeometry })
    const result = await backUp(options, quietIo)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, result.backup, 'db1')).toEqual(host.tree())
    const blocksOf: Record<string, number> = {}
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    for await (const file of readFileEntries(repo, backup, quietIo)) {
      blocksOf[Buffer.from(file.path).toString()] = file.blocks.length
    }
    expect(blocksOf).toMatchObject({ '/data/block-1': 1, '/data/block0': 1, '/data/block1': 2 })
    for await (const info of storage.list('data/', quietIo)) {
      expect(info.sizeBytes).toBeLessThanOrEqual(8 * mebibyte)
    }
  })

  it('counts a large file block by block, and knows how much there is once hosts are walked', async () => {
    const [one, two] = [memoryHost('db1'), memoryHost('db2')]
    one.set('large', filled(640, 1))
    two.set('large', filled(320, 2))
    two.set('small', 'tiny')
    const told: [number, number | undefined, HostProgress | undefined][] = []
    const io: Io = { ...quietIo, progress: (...progress) => told.push(progress as never) }
    await backUp(backupOptions(createMemoryStorage(), [one, two]), io)
    const ofOne = told.flatMap(([, , part]) => (part?.host === 'db1' ? [part] : []))
    expect(ofOne.map(({ doneBytes }) => doneBytes)).toEqual(expect.arrayContaining([64, 320, 576]))
    expect(ofOne.at(-1)).toEqual({ host: 'db1', doneBytes: 640, totalBytes: 640 })
    expect(told.at(-1)?.slice(0, 2)).toEqual([964, 964])
  })

  it('counts no byte of a file twice, where a part of it is known', async () => {
    const host = memoryHost('db1')
    const storage = createMemoryStorage()
    const clock = testClock()
    host.set('large', filled(640, 1))
    await backUp(backupOptions(storage, [host], { clock }), quietIo)
    clock.advance(60_000)
    host.set('large', Buffer.concat([filled(320, 1), filled(320, 9)]))
    const told: number[] = []
    await backUp(backupOptions(storage, [host], { clock }), {
      ...quietIo,
      progress: done => told.push(done),
    })
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    expect(new Set(told).size).toBeGreaterThan(5)
    expect(told.at(-1)).toBe(640)
  })

  it('walks several paths of a host at once, while the parent is read', async () => {
    const host = memoryHost('db1')
    host.set('file', 'content')
    const begun = new Set<string>()
    let bothBegan = (): void => {}
    const both = new Promise<void>(resolve => {
      bothBegan = resolve
    })
    const roots = ['/data', '/logs'].map(path => ({
      root: bytesOf(path),
      source: bytesOf(path),
      immutable: false,
    }))
    const source: HostSource = {
      ...host,
      roots,
      walk: async function* (root, io) {
        begun.add(Buffer.from(root.root).toString())
        if (begun.size === 2) bothBegan()
        await both
        yield* host.walk(root, io)
      },
    }
    const memory = createMemoryStorage()
    const storage: Storage = {
      ...memory,
      list: async function* (prefix, io, after) {
        // It asks for the parents only once both paths are being walked.
        if (prefix === 'manifests/') await both
        yield* memory.list(prefix, io, after)
      },
    }
    const options = { ...backupOptions(storage, [source]), acceptClock: true }
    expect(await backUp(options, quietIo)).toMatchObject({ files: 2, bytes: 14 })
  })

  it('never looks whether a block is there: what storage shows is not what may be named', async () => {
    const host = memoryHost('db1')
    host.set('f', filled(300, 1))
    const inner = createMemoryStorage()
    await backUp(backupOptions(inner, [host]), quietIo)
    // The blocks are all there, but no live manifest names them.
    await inner.putIfAbsent('forgotten/20250114_201500' as never, filled(1, 1), quietIo)
    const { storage, log } = faultyStorage(inner)
    const clock = testClock('2025-01-15T00:00:00.000Z')
    await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect(log.filter(line => line.startsWith('put data/')).length).toBeGreaterThanOrEqual(5)
    expect(log.filter(line => /^(get|list) data\//.test(line))).toEqual([])
  })
})
