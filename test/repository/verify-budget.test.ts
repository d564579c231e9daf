import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { forgottenKey } from '../../src/repository/names.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { type VerifyOptions, verify } from '../../src/repository/verify.ts'
import type { Key, Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { faultyStorage } from '../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  bytesOf,
  keysBelow,
  memoryHost,
  quietIo,
  smallGeometry,
  testClock,
  testRandom,
} from './support.ts'

/** Backups of two clusters that share nothing. */
async function repositoryOf(): Promise<{
  readonly storage: Storage
  readonly names: readonly string[]
}> {
  const storage = createMemoryStorage()
  const clock = testClock()
  const names: string[] = []
  for (const [index, name] of ['demo', 'demo', 'other'].entries()) {
    const host = memoryHost(name)
    for (let i = 0; i < 6; i += 1) host.set(`small${i}`, `${name} ${i}`)
    for (let i = 0; i < 4; i += 1) host.set(`large${i}`, Buffer.alloc(300, `${name} ${i}`))
    host.set('own', Buffer.alloc(100 + index, 'own'))
    const geometry = { ...smallGeometry, blockBytes: 256, inlineListBytes: 500 }
    const cluster = { kind: 'files', name }
    const options = { clock, geometry, cluster, random: testRandom(String(index)) }
    names.push((await backUp(backupOptions(storage, [host], options), quietIo)).backup)
    clock.advance(60_000)
  }
  return { storage, names }
}

const options = (storage: Storage, changes: Partial<VerifyOptions> = {}): VerifyOptions => ({
  readData: true,
  clock: testClock('2025-01-16T00:00:00.000Z'),
  random: testRandom('verify'),
  record: storage,
  inFlight: 1,
  ...changes,
})

/** A storage whose every answer takes a second. */
function slow(storage: Storage): {
  readonly storage: Storage
  readonly clock: ReturnType<typeof testClock>
} {
  const clock = testClock('2025-01-16T00:00:00.000Z')
  const get: Storage['get'] = async (...words) => {
    clock.advance(1000)
    return await storage.get(...words)
  }
  return { storage: { ...storage, get }, clock }
}

describe('a verification with a budget', () => {
  it('goes on where the last one ended, until all was read, and says how far it came', async () => {
    const { storage } = await repositoryOf()
    const { storage: slowly, clock } = slow(storage)
    const repo = await openRepository(slowly, quietIo)
    const all = new Set(await keysBelow(storage, 'data/'))
    const read = new Set<string>()
    let passed = 0
    let runs = 0
    let estimate: number | null = null
    for (; read.size < all.size; runs += 1) {
      expect(runs).toBeLessThan(40)
      const watched = faultyStorage(slowly)
      const own = { ...repo, storage: watched.storage }
      // Manifests and lists take most of the time: as in a repository of very many backups.
      const found = await verify(own, options(storage, { clock, budgetMs: 25_000 }), quietIo)
      expect(found.errors).toEqual([])
      expect(found.checked.backups).toBe(3)
      for (const line of watched.log) if (line.startsWith('get data/')) read.add(line.slice(4))
      const budget = found.budget
      if (budget === undefined) throw new Error('a budget has an outcome')
      expect(budget).toMatchObject({ complete: false, backups_left: 0 })
      expect(budget.total_bytes).toBeGreaterThan(budget.passed_bytes)
      if (runs === 0) estimate = budget.runs_left
      expect(budget.reached_end).toBe(runs > 0 && budget.passed_bytes < passed)
      if (budget.reached_end) break
      passed = budget.passed_bytes
      clock.advance(1_000_000)
    }
    expect(read).toEqual(all)
    expect(runs).toBeGreaterThan(1)
    expect(estimate).toBeGreaterThanOrEqual(runs - 2)
    // One place is kept, however often it was written.
    expect(await keysBelow(storage, 'checks/rotation/')).toHaveLength(1)
    expect((await keysBelow(storage, 'checks/')).length).toBe(1)
  })

  it('reads everything where there is time, as one without', async () => {
    const { storage, names } = await repositoryOf()
    const repo = await openRepository(storage, quietIo)
    const whole = await verify(repo, options(storage), quietIo)
    const again = { budgetMs: 1e9, random: testRandom('again') }
    const bounded = await verify(repo, options(storage, again), quietIo)
    expect(bounded.checked).toEqual(whole.checked)
    expect(bounded.budget).toEqual({
      complete: true,
      backups_left: 0,
      reached_end: true,
      passed_bytes: 0,
      total_bytes: 0,
      runs_left: null,
    })
    for (const name of names) expect(await keysBelow(storage, `checks/${name}/`)).toHaveLength(2)
  })

  it('finds any flipped bit in the end, and names every backup it belongs to', async () => {
    const { storage } = await repositoryOf()
    const blocks = await keysBelow(storage, 'data/')
    const repo = await openRepository(storage, quietIo)
    await fc.assert(
      fc.asyncProperty(fc.nat(blocks.length - 1), fc.nat(100_000), async (index, bit) => {
        const target = blocks[index] as Key
        const before = await storage.get(target, quietIo)
        const flipped = Uint8Array.from(before)
        const at = bit % (flipped.length * 8)
        flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7))
        await storage.put(target, flipped, quietIo)
        const complete = await verify(repo, options(createMemoryStorage()), quietIo)
        const affected = new Set(complete.errors.flatMap(({ backups }) => backups))
        expect(affected.size).toBeGreaterThan(0)
        const named = new Set<string>()
        for (let run = 0; run < 40 && named.size === 0; run += 1) {
          const { storage: slowly, clock } = slow(storage)
          const own = { ...repo, storage: slowly }
          const found = await verify(own, options(storage, { clock, budgetMs: 30_000 }), quietIo)
          for (const { backups } of found.errors) for (const name of backups) named.add(name)
        }
        expect(named).toEqual(affected)
        await storage.put(target, before, quietIo)
      }),
      { numRuns: 8 },
    )
  })

  it('gets through all lists however short the time is', async () => {
    const { storage, names } = await repositoryOf()
    const { storage: slowly, clock } = slow(storage)
    const repo = await openRepository(slowly, quietIo)
    const listed: string[] = []
    for (let run = 0; run < 3; run += 1) {
      const begun: string[] = []
      const at = (what: string) => void begun.push(what)
      const found = await verify(repo, options(storage, { clock, budgetMs: 1, at }), quietIo)
      expect(found.budget).toMatchObject({ complete: false, backups_left: 2, runs_left: null })
      listed.push(begun[0] ?? '')
    }
    expect(listed.sort()).toEqual([...names])
  })

  it('begins at the beginning where what was recorded is nonsense', async () => {
    const { storage } = await repositoryOf()
    const { storage: slowly, clock } = slow(storage)
    const repo = await openRepository(slowly, quietIo)
    await verify(repo, options(storage, { clock, budgetMs: 25_000 }), quietIo)
    const [record = ''] = await keysBelow(storage, 'checks/rotation/')
    for (const text of ['', '[]', '{"after_block":"../x","after_backup":7}']) {
      await storage.put(record as Key, bytesOf(text), quietIo)
      const found = await verify(repo, options(createMemoryStorage(), { budgetMs: 1e9 }), quietIo)
      expect(found).toMatchObject({ errors: [], budget: { complete: true } })
    }
  })
})

describe('the scope of a verification', () => {
  it('is one cluster where one is named', async () => {
    const { storage, names } = await repositoryOf()
    const repo = await openRepository(storage, quietIo)
    const found = await verify(repo, options(storage, { cluster: 'other' }), quietIo)
    expect(found.checked.backups).toBe(1)
    expect(await keysBelow(storage, `checks/${names[2]}/`)).toHaveLength(1)
    expect(await keysBelow(storage, `checks/${names[0]}/`)).toEqual([])
    expect(found.garbage).toBeUndefined()
  })

  it('is some files where a path or a host is named; that proves no backup whole', async () => {
    const { storage, names } = await repositoryOf()
    const repo = await openRepository(storage, quietIo)
    const files = { host: 'demo', path: bytesOf('/data/own') }
    const all = await verify(repo, options(storage), quietIo)
    const found = await verify(repo, options(storage, { files }), quietIo)
    expect(found.errors).toEqual([])
    expect(found.checked.blocks).toBeLessThan(all.checked.blocks)
    expect(await keysBelow(storage, `checks/${names[0]}/`)).toHaveLength(1)
    const own = Buffer.alloc(100, 'own')
    for (const name of await keysBelow(storage, 'data/')) {
      if (!Buffer.from(await storage.get(name as Key, quietIo)).equals(own)) continue
      await storage.delete([name as Key], quietIo)
    }
    const damaged = await verify(repo, options(storage, { files }), quietIo)
    expect(damaged.errors).toMatchObject([
      { code: 'repository.block_missing', files: ['demo:/data/own'], backups: [names[0]] },
    ])
    const elsewhere = { host: 'other' }
    expect((await verify(repo, options(storage, { files: elsewhere }), quietIo)).errors).toEqual([])
  })
})

describe('garbage', () => {
  it('is counted and is no error', async () => {
    const { storage } = await repositoryOf()
    const repo = await openRepository(storage, quietIo)
    expect((await verify(repo, options(storage), quietIo)).garbage).toEqual({
      blocks: 0,
      bytes: 0,
      unknown: 0,
      unknown_keys: [],
    })
    await storage.put(key(`data/${'0'.repeat(64)}`), bytesOf('garbage'), quietIo)
    await storage.put(key(`data/${'f'.repeat(64)}.7`), bytesOf('garbage'), quietIo)
    const strange = [
      'data/strange/name',
      'backup.tar',
      'manifests/x.manifest',
      'zzz',
      'forgotten/x',
    ]
    for (const name of strange) await storage.put(key(name), bytesOf('x'), quietIo)
    const found = await verify(repo, options(storage), quietIo)
    expect(found.errors).toEqual([])
    expect(found.garbage).toMatchObject({ blocks: 2, bytes: 14, unknown: 5 })
    expect([...(found.garbage?.unknown_keys ?? [])].sort()).toEqual(strange.sort())
  })
})

describe('a verification beside a vacuum', () => {
  it('does not take for damage what is forgotten and swept meanwhile', async () => {
    const { storage, names } = await repositoryOf()
    const [first = ''] = names
    let swept = false
    const sweeping: Storage = {
      ...storage,
      list: async function* (prefix, io, after) {
        if (prefix === 'data/' && !swept) {
          swept = true
          await storage.put(forgottenKey(first), bytesOf('{}'), io)
          for (const name of await keysBelow(storage, 'data/')) {
            const bytes = Buffer.from(await storage.get(name as Key, io))
            if (bytes.equals(Buffer.alloc(100, 'own'))) await storage.delete([name as Key], io)
          }
        }
        yield* storage.list(prefix, io, after)
      },
    }
    const repo = await openRepository(sweeping, quietIo)
    const found = await verify(repo, options(storage), quietIo)
    expect(found).toMatchObject({ errors: [], forgotten: [first] })
    // Asked for by its name, it is told what is left of it.
    const named = await verify(repo, options(storage, { backup: first }), quietIo)
    expect(named).toMatchObject({ errors: [{ backups: [first] }], forgotten: [] })
  })

  it('still tells of a block that a live backup needs, too', async () => {
    const { storage, names } = await repositoryOf()
    const shared = Buffer.alloc(256, 'demo 1')
    const blocks: Key[] = []
    for (const name of await keysBelow(storage, 'data/')) {
      const bytes = Buffer.from(await storage.get(name as Key, quietIo))
      if (bytes.equals(shared)) blocks.push(name as Key)
    }
    await storage.delete(blocks, quietIo)
    const forgetting: Storage = {
      ...storage,
      list: async function* (prefix, io, after) {
        if (prefix === 'data/') await storage.put(forgottenKey(names[0] ?? ''), bytesOf('{}'), io)
        yield* storage.list(prefix, io, after)
      },
    }
    const repo = await openRepository(forgetting, quietIo)
    const found = await verify(repo, options(storage), quietIo)
    expect(found.errors).toMatchObject([{ backups: [names[1]], files: ['demo:/data/large1'] }])
  })
})

describe('what is recorded', () => {
  it('is never that a backup is whole, where it failed under a closer look', async () => {
    const { storage, names } = await repositoryOf()
    const [first = ''] = names
    const failed = { time: '2025-01-15T00:00:00.000Z', result: 'failed', read_data: true }
    await storage.put(key(`checks/${first}/x`), bytesOf(JSON.stringify(failed)), quietIo)
    const repo = await openRepository(storage, quietIo)
    await verify(repo, options(storage, { readData: false }), quietIo)
    expect(await keysBelow(storage, `checks/${first}/`)).toHaveLength(1)
    await verify(repo, options(storage, { readData: true }), quietIo)
    expect(await keysBelow(storage, `checks/${first}/`)).toHaveLength(2)
  })
})
