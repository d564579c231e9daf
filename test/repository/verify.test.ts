import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listBackups, resolveBackup } from '../../src/repository/catalogue.ts'
import { manifestKey } from '../../src/repository/names.ts'
import { readFileContent, readFileEntries } from '../../src/repository/read.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { type VerifyOptions, verify } from '../../src/repository/verify.ts'
import { isoTime, viewFile } from '../../src/repository/views.ts'
import type { Key, Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import {
  backUp,
  backupOptions,
  keysBelow,
  memoryHost,
  quietIo,
  smallGeometry,
  testClock,
  testRandom,
} from './support.ts'

const options = (changes: Partial<VerifyOptions> = {}): VerifyOptions => ({
  readData: true,
  clock: testClock('2025-01-16T00:00:00.000Z'),
  random: testRandom('verify'),
  ...changes,
})

/** Two backups that share most blocks; entries inline or in list blocks. */
async function twoBackups(inlineListBytes: number): Promise<{
  readonly storage: Storage
  readonly names: readonly string[]
}> {
  const geometry = { ...smallGeometry, blockBytes: 1024, inlineListBytes }
  const storage = createMemoryStorage()
  const clock = testClock()
  const host = memoryHost('db1')
  for (let i = 0; i < 12; i += 1) host.set(`small${i}`, `${i}`.repeat(5))
  for (let i = 0; i < 3; i += 1) host.set(`large${i}`, Buffer.alloc(3000, i + 1))
  const kit = [{ path: 'run.yml', content: Buffer.from('- name: x') }]
  const common = { clock, geometry, recoveryKit: kit }
  const first = await backUp(backupOptions(storage, [host], common), quietIo)
  host.set('large1', Buffer.alloc(2000, 9))
  clock.advance(1000)
  const second = await backUp(backupOptions(storage, [host], common), quietIo)
  return { storage, names: [first.backup, second.backup] }
}

async function flip(storage: Storage, target: Key, bit: number): Promise<void> {
  const bytes = await storage.get(target, quietIo)
  const at = bit % (bytes.length * 8)
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7))
  await storage.put(target, bytes, quietIo)
}

/** Backups that cannot be read whole, found by reading them. */
async function brokenBackups(storage: Storage, names: readonly string[]): Promise<string[]> {
  const repo = await openRepository(storage, quietIo)
  const broken: string[] = []
  for (const name of names) {
    try {
      const backup = await resolveBackup(repo, { backup: name }, quietIo)
      for await (const file of readFileEntries(repo, backup, quietIo)) {
        for await (const _ of readFileContent(repo, file, quietIo));
      }
    } catch {
      broken.push(name)
    }
  }
  return broken
}

describe('verify', () => {
  for (const inlineListBytes of [100_000, 500]) {
    it(`finds every flipped bit and names every affected backup (lists over ${inlineListBytes})`, async () => {
      const { storage, names } = await twoBackups(inlineListBytes)
      const objects = [
        ...(await keysBelow(storage, 'data/')),
        ...(await keysBelow(storage, 'manifests/')),
      ].map(key)
      const repo = await openRepository(storage, quietIo)
      await fc.assert(
        fc.asyncProperty(fc.nat(objects.length - 1), fc.nat(1_000_000), async (index, bit) => {
          const target = objects[index] as Key
          const before = await storage.get(target, quietIo)
          await flip(storage, target, bit)
          const { errors } = await verify(repo, options(), quietIo)
          expect(errors.length).toBeGreaterThan(0)
          const named = new Set(errors.flatMap(({ backups }) => backups))
          for (const name of await brokenBackups(storage, names)) expect(named).toContain(name)
          if (target.startsWith('data/')) {
            expect(errors.map(({ block }) => block)).toContain(target.slice(5))
          }
          await storage.put(target, before, quietIo)
        }),
        { numRuns: 60 },
      )
      expect((await verify(repo, options(), quietIo)).errors).toEqual([])
    })
  }

  it('names the files of a block that is missing, short or wrong, and the backups', async () => {
    const { storage, names } = await twoBackups(100_000)
    const repo = await openRepository(storage, quietIo)
    const backup = await resolveBackup(repo, { backup: names[0] ?? '' }, quietIo)
    let block = key('none')
    for await (const file of readFileEntries(repo, backup, quietIo)) {
      if (Buffer.from(file.path).toString() === '/data/large0') {
        block = key(`data/${file.blocks[0]?.blockId}`)
      }
    }
    const before = await storage.get(block, quietIo)
    const expectFault = async (code: string, readData: boolean) => {
      const { errors } = await verify(repo, options({ readData }), quietIo)
      expect(errors).toMatchObject([
        { code, block: block.slice(5), files: ['db1:/data/large0'], backups: names },
      ])
    }
    await storage.delete([block], quietIo)
    await expectFault('repository.block_missing', false)
    await storage.put(block, before.subarray(1), quietIo)
    await expectFault('repository.block_corrupt', false)
    await storage.put(
      block,
      before.map(byte => byte ^ 1),
      quietIo,
    )
    await expectFault('repository.block_corrupt', true)
    expect((await verify(repo, options({ readData: false }), quietIo)).errors).toEqual([])
  })

  it('counts what it checked, and takes extra objects for garbage', async () => {
    const { storage } = await twoBackups(100_000)
    const repo = await openRepository(storage, quietIo)
    await storage.put(key(`data/${'0'.repeat(64)}`), Buffer.from('garbage'), quietIo)
    await storage.put(key(`data/${'f'.repeat(64)}.7`), Buffer.from('garbage'), quietIo)
    await storage.put(key('data/strange/name'), Buffer.from('garbage'), quietIo)
    const result = await verify(repo, options(), quietIo)
    expect(result.errors).toEqual([])
    let bytes = 0
    let blocks = 0
    for await (const info of storage.list('data/', quietIo)) {
      if (/^data\/(0{64}|f{64}|strange)/.test(info.key)) continue
      bytes += info.sizeBytes
      blocks += 1
    }
    expect(result.checked).toEqual({ backups: 2, blocks, bytes })
  })

  it('reads a share of the data, another one each time', async () => {
    const { storage } = await twoBackups(100_000)
    const repo = await openRepository(storage, quietIo)
    const all = (await verify(repo, options(), quietIo)).checked.bytes
    const shares = new Set<number>()
    for (let seed = 0; seed < 20; seed += 1) {
      const random = testRandom(`${seed}`)
      shares.add((await verify(repo, options({ readData: 50, random }), quietIo)).checked.bytes)
    }
    expect(shares.size).toBeGreaterThan(2)
    expect(Math.max(...shares)).toBeLessThanOrEqual(all)
    expect((await verify(repo, options({ readData: 100 }), quietIo)).checked.bytes).toBe(all)
    await expect(verify(repo, options({ readData: 101 }), quietIo)).rejects.toMatchObject({
      code: 'usage.invalid',
    })
  })

  it('records what came of it, and a failed backup is not built upon', async () => {
    const { storage, names } = await twoBackups(100_000)
    const repo = await openRepository(storage, quietIo)
    const [first = '', second = ''] = names
    await verify(repo, options({ record: storage, backup: first }), quietIo)
    await flip(storage, manifestKey(first), 100)
    const damaged = await verify(repo, options({ record: storage }), quietIo)
    expect(damaged.errors).toMatchObject([
      { code: 'repository.manifest_invalid', block: '', backups: [first] },
    ])
    const { backups, damaged: unreadable } = await listBackups(repo, quietIo)
    expect(backups.map(({ name }) => name)).toEqual([second])
    expect(unreadable).toMatchObject([{ name: first }])
    const records = await keysBelow(storage, `checks/${second}/`)
    expect(records).toHaveLength(1)
    const record = Buffer.from(await storage.get(records[0] as Key, quietIo)).toString()
    expect(JSON.parse(record)).toMatchObject({ result: 'ok', read_data: true })
    const failed = JSON.stringify({ time: '2026-01-01T00:00:00.000Z', result: 'failed' })
    await storage.put(key(`checks/${second}/later`), Buffer.from(failed), quietIo)
    const host = memoryHost('db1')
    const clock = testClock('2025-01-17T00:00:00.000Z')
    const third = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect(third.warnings.join()).toMatch(/failed its last verification.*not built upon/s)
    const { manifest } = await resolveBackup(repo, { backup: third.backup }, quietIo)
    expect(manifest.backupMeta?.parent).toBe('')
  })

  it('verifies one backup by itself', async () => {
    const { storage, names } = await twoBackups(100_000)
    const repo = await openRepository(storage, quietIo)
    const result = await verify(repo, options({ backup: names[1] ?? '' }), quietIo)
    expect(result.checked.backups).toBe(1)
    await expect(
      verify(repo, options({ backup: '20200101_000000' }), quietIo),
    ).rejects.toMatchObject({ code: 'repository.backup_not_found' })
  })
})

describe('the catalogue', () => {
  it('has the shape of design 8', async () => {
    const storage = createMemoryStorage()
    const host = memoryHost('db1')
    host.set('f', 'x'.repeat(100))
    const labels = { why: 'before the upgrade' }
    await backUp(backupOptions(storage, [host], { labels, hostsExpected: ['db2'] }), quietIo)
    const repo = await openRepository(storage, quietIo)
    const { backups } = await listBackups(repo, quietIo)
    expect(backups).toEqual([
      {
        name: '20250114_201500',
        time: '2025-01-14T20:15:00.000000000Z',
        state: 'incomplete',
        kind: 'full',
        parent: null,
        cluster: { kind: 'files', name: 'demo', version: '1' },
        hosts: ['db1'],
        missing: ['db2'],
        files: 1,
        bytes: 100,
        new_bytes: backups[0]?.new_bytes,
        labels,
      },
    ])
    expect(backups[0]?.new_bytes).toBeGreaterThan(100)
  })

  it('finds backups by name and by unique prefix', async () => {
    const { storage, names } = await twoBackups(100_000)
    const repo = await openRepository(storage, quietIo)
    const find = async (backup: string) => (await resolveBackup(repo, { backup }, quietIo)).name
    expect(await find(names[0] ?? '')).toBe(names[0])
    expect(await find('20250114_201501')).toBe(names[1])
    expect(await find('latest')).toBe(names[1])
    await expect(find('2025')).rejects.toMatchObject({ code: 'repository.backup_ambiguous' })
    for (const absent of ['', '2024', 'x', '../x']) {
      await expect(find(absent)).rejects.toMatchObject({ code: 'repository.backup_not_found' })
    }
    await storage.put(key(`forgotten/${names[1]}`), Buffer.from('{}'), quietIo)
    expect(await find('latest')).toBe(names[0])
    expect(await find(names[1] ?? '')).toBe(names[1])
  })

  it('shows files with their times to the nanosecond, and odd names twice', async () => {
    expect(isoTime(0n)).toBe('1970-01-01T00:00:00.000000000Z')
    expect(isoTime(-1n)).toBe('1969-12-31T23:59:59.999999999Z')
    expect(isoTime(1_700_000_000_123_456_789n)).toBe('2023-11-14T22:13:20.123456789Z')
    expect(isoTime(2n ** 63n - 1n)).toMatch(/^2262-/)
    expect(isoTime(-(2n ** 63n))).toMatch(/^1677-/)
    const storage = createMemoryStorage()
    const host = memoryHost('db1')
    host.set(Buffer.from('a\xff', 'latin1'), 'x', { mode: 0o4755 })
    host.set('b', '', { type: 'symlink', symlinkTarget: Buffer.from('\xfe', 'latin1') })
    await backUp(backupOptions(storage, [host]), quietIo)
    const repo = await openRepository(storage, quietIo)
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    const views: unknown[] = []
    for await (const file of readFileEntries(repo, backup, quietIo)) views.push(viewFile(file))
    expect(views).toMatchObject([
      { path: '/data', type: 'directory', mode: '0755', blocks: [] },
      {
        path: '/data/a\ufffd',
        path_base64: Buffer.from('/data/a\xff', 'latin1').toString('base64'),
        type: 'file',
        size: 1,
        mode: '4755',
      },
      { path: '/data/b', type: 'symlink', target_base64: '/g==' },
    ])
    expect(views[0]).not.toHaveProperty('path_base64')
  })

  it('has several blocks under way, as many as it may', async () => {
    const { storage } = await twoBackups(1_000_000)
    let underWay = 0
    let most = 0
    const counting: Storage = {
      ...storage,
      get: async (target, io, range, buffer) => {
        if (!target.startsWith('data/')) return await storage.get(target, io, range, buffer)
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise(setImmediate)
        underWay -= 1
        return await storage.get(target, io, range, buffer)
      },
    }
    const repo = await openRepository(counting, quietIo)
    expect(await verify(repo, options({ inFlight: 3 }), quietIo)).toMatchObject({ errors: [] })
    expect(most).toBe(3)
  })
})
