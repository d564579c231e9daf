import { describe, expect, it } from 'vitest'
import { resolveBackup } from '../../src/repository/catalogue.ts'
import { commitCheckpoint } from '../../src/repository/checkpoint.ts'
import { encodePlan, readGarbageState, readPlan } from '../../src/repository/garbage.ts'
import { initialiseRepository } from '../../src/repository/initialise.ts'
import { makeManifest } from '../../src/repository/make-manifest.ts'
import { decodeManifest, isTombstone, tombstone } from '../../src/repository/manifest.ts'
import { blockKey, forgottenKey, manifestKey } from '../../src/repository/names.ts'
import { readFileEntries } from '../../src/repository/read.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { announce, endSession, openWriterSession, pinBackup } from '../../src/repository/session.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { faultyStorage } from '../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  keysBelow,
  memoryHost,
  quietIo,
  restoredTree,
  stateOf,
  testClock,
  testRandom,
} from './support.ts'

const tools = () => ({ clock: testClock(), random: testRandom() })

async function planOf(lines: readonly string[]): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of encodePlan({ created: '2025-01-14T00:00:00Z' }, lines)) {
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

async function condemn(storage: Storage, n: number, keys: readonly string[]): Promise<void> {
  const plan = await planOf(keys.map(text => text.slice('data/'.length)).sort())
  await storage.putIfAbsent(key(`gc/${n}/plan`), plan, quietIo)
}

describe('a session', () => {
  it('announces itself before it reads any plan', async () => {
    const inner = createMemoryStorage()
    const host = memoryHost('db1')
    host.set('f', 'x'.repeat(100))
    await backUp(backupOptions(inner, [host]), quietIo)
    const { storage, log } = faultyStorage(inner)
    const clock = testClock('2025-01-15T00:00:00.000Z')
    await backUp(backupOptions(storage, [host], { clock }), quietIo)
    const place = (line: string): number => log.findIndex(entry => entry.startsWith(line))
    const order = [
      'get probe/',
      'putIfAbsent sessions/20250115_000000',
      'list gc/',
      'list forgotten/',
      'get manifests/20250114_201500',
      'putIfAbsent manifests/20250115_000000',
    ].map(place)
    expect(order.every(index => index >= 0)).toBe(true)
    // From the second on: listing backups also happens before, to look at the clock.
    const sessions = order.slice(1, 3)
    expect(sessions).toEqual([...sessions].sort((a, b) => a - b))
    const afterGc = log.slice(order[2])
    expect(afterGc.some(line => line.startsWith('list forgotten/'))).toBe(true)
    expect(order[4]).toBeGreaterThan(order[2] ?? 0)
    expect(order[5]).toBe(Math.max(...order))
  })

  it('finds its announcement again when the answer was lost', async () => {
    const inner = createMemoryStorage()
    const { storage, fired } = faultyStorage(inner, { nth: 1, when: 'after', key: /^sessions/ })
    const repo = await initialiseRepository(storage, testRandom(), quietIo)
    const body = { kind: 'backup', source: 'here' } as const
    const session = await announce(repo, body, tools(), quietIo)
    expect(fired()).toBe(true)
    expect(await keysBelow(inner, 'sessions/')).toEqual([`sessions/${session.name}`])
  })

  it('skips seconds with a session or a manifest', async () => {
    const storage = createMemoryStorage()
    const repo = await initialiseRepository(storage, testRandom(), quietIo)
    await storage.put(key('sessions/20250114_201500'), Buffer.from('x'), quietIo)
    await storage.put(manifestKey('20250114_201501'), tombstone, quietIo)
    const body = { kind: 'backup', source: 'here' } as const
    expect((await announce(repo, body, tools(), quietIo)).name).toBe('20250114_201502')
  })

  it('pins a backup until its session is ended by a tombstone of its own', async () => {
    const storage = createMemoryStorage()
    const { backup } = await backUp(backupOptions(storage, [memoryHost('db1')]), quietIo)
    const repo = await initialiseRepository(storage, testRandom(), quietIo)
    const pin = await pinBackup(repo, backup, 'here', tools(), quietIo)
    const body: unknown = JSON.parse(
      Buffer.from(await storage.get(key(`sessions/${pin.session.name}`), quietIo)).toString(),
    )
    expect(body).toMatchObject({ kind: 'read', pins: [backup] })
    expect(pin.forgotten).toBe(false)
    const { clock } = tools()
    await endSession(repo, pin.session, clock, quietIo)
    await endSession(repo, pin.session, clock, quietIo)
    const register = await storage.get(manifestKey(pin.session.name), quietIo)
    expect(isTombstone(decodeManifest(register, pin.session.name))).toBe(true)
    expect(await stateOf(storage)).toEqual([`${backup} complete`])
    await storage.put(forgottenKey(backup), Buffer.from('{}'), quietIo)
    expect((await pinBackup(repo, backup, 'here', tools(), quietIo)).forgotten).toBe(true)
  })
})

describe('a backup beside a vacuum', () => {
  it('stores condemned blocks anew, under the generation of the plan', async () => {
    const storage = createMemoryStorage()
    const host = memoryHost('db1')
    for (let i = 0; i < 5; i += 1) host.set(`f${i}`, `${i}`.repeat(100))
    host.set('small', 'abc')
    await backUp(backupOptions(storage, [host]), quietIo)
    const old = await keysBelow(storage, 'data/')
    await condemn(storage, 3, old)
    const clock = testClock('2025-01-15T00:00:00.000Z')
    const second = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect(second.reused_bytes).toBe(0)
    expect(second.new_bytes).toBeGreaterThan(500)
    // The vacuum may now delete all it planned to.
    await storage.delete(old.map(key), quietIo)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, second.backup, 'db1')).toEqual(host.tree())
    for (const stored of await keysBelow(storage, 'data/')) expect(stored).toMatch(/\.3$/)
    await storage.putIfAbsent(key('gc/3/closed'), Buffer.from('{}'), quietIo)
    clock.advance(1000)
    const third = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    expect(third).toMatchObject({ new_bytes: 0, reused_bytes: 503 })
  })

  it('mixes generations where only some blocks are condemned', async () => {
    const storage = createMemoryStorage()
    const host = memoryHost('db1')
    host.set('a', 'a'.repeat(64) + 'b'.repeat(64))
    host.set('b', 'c'.repeat(64))
    await backUp(backupOptions(storage, [host]), quietIo)
    const repo = await openRepository(storage, quietIo)
    const first = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    let victim = ''
    for await (const file of readFileEntries(repo, first, quietIo)) {
      if (file.blocks.length === 2) victim = `data/${file.blocks[1]?.blockId}`
    }
    await condemn(storage, 1, [victim])
    const clock = testClock('2025-01-15T00:00:00.000Z')
    const second = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    await storage.delete([key(victim)], quietIo)
    expect(await restoredTree(repo, second.backup, 'db1')).toEqual(host.tree())
    expect(await keysBelow(storage, 'data/')).toContain(`${victim}.1`)
    expect(second.reused_bytes).toBe(128)
  })

  it('reads plans of many pieces, and stops at one that is torn or of a newer format', async () => {
    const storage = createMemoryStorage()
    const ids = Array.from({ length: 2000 }, (_, i) => ({
      blockId: i.toString(16).padStart(64, '0'),
      generation: i % 3,
    }))
    const plan = await planOf(ids.map(id => blockKey(id).slice('data/'.length)))
    await storage.put(key('gc/10/plan'), plan, quietIo)
    await storage.put(key('gc/9/plan'), Buffer.from('garbage'), quietIo)
    const read: unknown[] = []
    const info = { key: key('gc/10/plan'), sizeBytes: plan.length }
    for await (const block of readPlan(storage, info, quietIo)) read.push(block)
    expect(read).toEqual(ids)
    const state = await readGarbageState(storage, quietIo)
    expect(state).toMatchObject({ generation: 10, open: true })
    expect(ids.every(state.isCondemned)).toBe(true)
    expect(state.isCondemned({ blockId: ids[0]?.blockId ?? '', generation: 1 })).toBe(false)
    for (const length of [0, 5, plan.length - 1, plan.length - 9, plan.length - 200]) {
      await storage.put(key('gc/11/plan'), plan.subarray(0, length), quietIo)
      await expect(readGarbageState(storage, quietIo)).rejects.toMatchObject({
        code: 'repository.plan_invalid',
      })
    }
    await storage.put(key('gc/11/plan'), Buffer.from('{"format":2}\nend 0\n'), quietIo)
    await expect(readGarbageState(storage, quietIo)).rejects.toMatchObject({
      code: 'repository.plan_invalid',
    })
    await storage.put(key('gc/11/closed'), Buffer.from('{}'), quietIo)
    expect(await readGarbageState(storage, quietIo)).toMatchObject({ generation: 11, open: false })
  })
})

describe('a checkpoint', () => {
  const block = { blockId: 'ab'.repeat(32), generation: 0 }
  async function setUp() {
    const { storage, log } = faultyStorage(createMemoryStorage())
    const repo = await initialiseRepository(storage, testRandom(), quietIo)
    const own = tools()
    const body = { kind: 'backup', source: 'here' } as const
    const main = await openWriterSession(repo, body, own, quietIo)
    const begin = log.length
    const options = {
      repo,
      main,
      source: 'here',
      tools: own,
      manifestFor: (session: typeof main | { name: string; nonce: Uint8Array }) =>
        makeManifest(backupOptions(storage, [memoryHost('db1')]), {
          session,
          partial: true,
          time: own.clock.now(),
          parent: '',
          totals: { files: 0, bytes: 0, newBytes: 0, reusedBytes: 0 },
          entries: { inline: [], index: [] },
          blocks: [],
          recoveryKit: [],
        }),
      blocks: async function* () {
        yield block
      },
    }
    return { storage, logged: () => log.slice(begin), main, options }
  }

  it('keeps the order that was model-checked', async () => {
    const { storage, logged, main, options } = await setUp()
    const name = await commitCheckpoint(options, quietIo)
    // The second the run itself took is taken.
    const taken = ['putIfAbsent', 'get'].map(operation => `${operation} sessions/${main.name}`)
    expect(logged().filter(line => !line.startsWith('list manifests/'))).toEqual([
      ...taken,
      `putIfAbsent sessions/${name}`,
      'list gc/',
      `get manifests/${main.name}.manifest`,
      `putIfAbsent manifests/${name}.manifest`,
    ])
    expect(await stateOf(storage)).toEqual([`${name} partial`])
  })

  it('is skipped when a block it names is condemned', async () => {
    const { storage, options } = await setUp()
    await condemn(storage, 1, [`data/${block.blockId}`])
    expect(await commitCheckpoint(options, quietIo)).toBeUndefined()
    expect(await stateOf(storage)).toEqual([])
  })

  it('ends the run that was revoked', async () => {
    const { storage, main, options } = await setUp()
    await storage.put(manifestKey(main.name), tombstone, quietIo)
    await expect(commitCheckpoint(options, quietIo)).rejects.toMatchObject({
      code: 'repository.session_revoked',
    })
    expect(await stateOf(storage)).toEqual([])
  })
})
