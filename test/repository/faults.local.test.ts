import { describe, expect, it } from 'vitest'
import { listBackups } from '../../src/repository/catalogue.ts'
import { decodeManifest, isTombstone, tombstone } from '../../src/repository/manifest.ts'
import { manifestKey } from '../../src/repository/names.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { verify } from '../../src/repository/verify.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { dyingStorage, type Fault, faultyStorage } from '../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  keysBelow,
  type MemoryHost,
  memoryHost,
  quietIo,
  restoredTree,
  stateOf,
  testClock,
  testRandom,
} from './support.ts'

const later = '2025-01-15T00:00:00.000Z'

async function copy(storage: Storage): Promise<Storage> {
  const other = createMemoryStorage()
  for await (const { key } of storage.list('', quietIo)) {
    await other.put(key, await storage.get(key, quietIo), quietIo)
  }
  return other
}

function sampleHost(): MemoryHost {
  const host = memoryHost('db1')
  for (let i = 0; i < 6; i += 1) host.set(`f${i}`, `${i}`.repeat(1 + i * 30))
  return host
}

/** A repository with one backup, and the host with one file changed since. */
async function startingPoint(): Promise<{
  readonly storage: Storage
  readonly host: MemoryHost
  readonly before: ReadonlyMap<string, string>
}> {
  const storage = createMemoryStorage()
  const host = sampleHost()
  await backUp(backupOptions(storage, [host]), quietIo)
  const before = host.tree()
  host.set('f3', 'x'.repeat(150))
  return { storage, host, before }
}

async function expectSound(
  storage: Storage,
  host: MemoryHost,
  before: ReadonlyMap<string, string>,
) {
  const repo = await openRepository(storage, quietIo)
  const options = { readData: true, clock: testClock(), random: testRandom() }
  expect((await verify(repo, options, quietIo)).errors).toEqual([])
  const { backups, damaged } = await listBackups(repo, quietIo)
  expect(damaged).toEqual([])
  for (const { name } of backups) {
    const tree = await restoredTree(repo, name, 'db1')
    expect(tree).toEqual(name === '20250114_201500' ? before : host.tree())
  }
}

describe('a backup whose storage fails', () => {
  for (const when of ['before', 'after'] as const) {
    for (const repeat of [1, 1000]) {
      it(`leaves a sound repository at every operation, ${when} its effect, ${repeat}x`, async () => {
        let failures = 0
        for (let nth = 1; ; nth += 1) {
          const { storage, host, before } = await startingPoint()
          const faulty = faultyStorage(storage, { nth, when, repeat })
          const options = backupOptions(faulty.storage, [host], { clock: testClock(later) })
          const outcome = await backUp(options, quietIo).catch((error: unknown) => error)
          if (!faulty.fired()) break
          if (outcome instanceof Error) {
            failures += 1
            expect(outcome).toMatchObject({ code: 'storage.unreachable' })
          }
          await expectSound(storage, host, before)
          const again = backupOptions(storage, [host], { clock: testClock(later) })
          await backUp({ ...again, random: testRandom('again') }, quietIo)
          await expectSound(storage, host, before)
        }
        expect(failures).toBeGreaterThan(5)
      })
    }
  }

  it('leaves a sound repository when the process dies at any operation', async () => {
    let deaths = 0
    for (const when of ['before', 'after'] as const) {
      for (let nth = 1; ; nth += 1) {
        const { storage, host, before } = await startingPoint()
        const dying = dyingStorage(storage, { nth, when })
        const options = backupOptions(dying.storage, [host], { clock: testClock(later) })
        await backUp(options, quietIo).catch(() => {})
        if (!dying.fired()) break
        deaths += 1
        await expectSound(storage, host, before)
        const again = { clock: testClock(later), random: testRandom('again') }
        await backUp(backupOptions(storage, [host], again), quietIo)
        await expectSound(storage, host, before)
      }
    }
    expect(deaths).toBeGreaterThan(40)
  })
})

describe('the commit', () => {
  const manifests = /^manifests\//
  const commitFault = (fault: Partial<Fault>): Fault => ({
    nth: 1,
    when: 'after',
    only: ['putIfAbsent'],
    key: manifests,
    ...fault,
  })

  it('that lost its answer is found again, without a duplicate', async () => {
    for (const repeat of [1, 2, 4]) {
      const { storage, host } = await startingPoint()
      const faulty = faultyStorage(storage, commitFault({ repeat }))
      const options = backupOptions(faulty.storage, [host], { clock: testClock(later) })
      const result = await backUp(options, quietIo)
      expect(faulty.fired()).toBe(true)
      expect(await stateOf(storage)).toEqual([
        '20250114_201500 complete',
        `${result.backup} complete`,
      ])
    }
  })

  it('does not take "not there" as final', async () => {
    const { storage, host } = await startingPoint()
    let negative = 0
    const lying: Storage = {
      ...faultyStorage(storage, commitFault({})).storage,
      get: async (key, io, range) => {
        if (key === 'manifests/20250115_000000.manifest' && negative < 2) {
          negative += 1
          return await storage.get('manifests/none' as never, io)
        }
        return await storage.get(key, io, range)
      },
    }
    const result = await backUp(backupOptions(lying, [host], { clock: testClock(later) }), quietIo)
    expect(negative).toBe(2)
    expect(await stateOf(storage)).toContain(`${result.backup} complete`)
  })

  it('that never gets an answer ends with a tombstone or with the manifest, and says which', async () => {
    for (const when of ['before', 'after'] as const) {
      for (const repeat of [5, 6, 7, 1000]) {
        const { storage, host } = await startingPoint()
        const faulty = faultyStorage(storage, commitFault({ when, repeat }))
        const options = backupOptions(faulty.storage, [host], { clock: testClock(later) })
        const outcome = await backUp(options, quietIo).catch((error: unknown) => error)
        const states = await stateOf(storage)
        if (outcome instanceof Error) {
          expect(outcome).toMatchObject({ code: 'storage.unreachable' })
          const isThere = states.includes('20250115_000000 complete')
          if (isThere) expect(outcome.message).toContain('did not say')
        } else expect(states).toContain('20250115_000000 complete')
      }
    }
  })

  it('loses against a tombstone, claiming nothing', async () => {
    const { storage, host, before } = await startingPoint()
    const revoking: Storage = {
      ...storage,
      put: async (key, bytes, io) => {
        await storage.put(key, bytes, io)
        if (!key.startsWith('data/')) return
        await storage.putIfAbsent(manifestKey('20250115_000000'), tombstone, io)
      },
    }
    const options = backupOptions(revoking, [host], { clock: testClock(later) })
    await expect(backUp(options, quietIo)).rejects.toMatchObject({
      code: 'repository.session_revoked',
    })
    await expectSound(storage, host, before)
    expect(await stateOf(storage)).toEqual(['20250114_201500 complete'])
  })

  it('begins a new session when someone else has the name', async () => {
    const { storage, host } = await startingPoint()
    const theirs = await storage.get(manifestKey('20250114_201500'), quietIo)
    const racing: Storage = {
      ...storage,
      put: async (key, bytes, io) => {
        await storage.put(key, bytes, io)
        if (!key.startsWith('data/')) return
        await storage.putIfAbsent(manifestKey('20250115_000000'), theirs, io)
      },
    }
    const clock = testClock(later)
    const result = await backUp(backupOptions(racing, [host], { clock }), quietIo)
    expect(result.backup).toBe('20250115_000001')
    expect(await storage.get(manifestKey('20250115_000000'), quietIo)).toEqual(theirs)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, result.backup, 'db1')).toEqual(host.tree())
  })

  it('begins all anew when a vacuum was planned before the new session', async () => {
    const { storage, host } = await startingPoint()
    const theirs = await storage.get(manifestKey('20250114_201500'), quietIo)
    let done = false
    const racing: Storage = {
      ...storage,
      put: async (key, bytes, io) => {
        await storage.put(key, bytes, io)
        if (!key.startsWith('data/') || done) return
        done = true
        await storage.putIfAbsent(manifestKey('20250115_000000'), theirs, io)
        const plan = Buffer.from('{"format":1}\nend 0\n')
        await storage.putIfAbsent('gc/1/plan' as never, plan, io)
        await storage.putIfAbsent('gc/1/closed' as never, plan, io)
      },
    }
    const result = await backUp(backupOptions(racing, [host], { clock: testClock(later) }), quietIo)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, result.backup, 'db1')).toEqual(host.tree())
    // What the first attempt stored under generation 0 might have been swept.
    const keys = await keysBelow(storage, 'data/')
    expect(keys.filter(key => key.endsWith('.1')).length).toBeGreaterThan(0)
  })

  it('ends the session of a backup that failed, so that no vacuum waits for it', async () => {
    const { storage, host } = await startingPoint()
    host.onRead = () => {
      throw new Error('host is gone')
    }
    const options = backupOptions(storage, [host], { clock: testClock(later) })
    await expect(backUp(options, quietIo)).rejects.toThrow('host is gone')
    const register = await storage.get(manifestKey('20250115_000000'), quietIo)
    expect(isTombstone(decodeManifest(register, '20250115_000000'))).toBe(true)
  })

  it('stops when it is told to, and the next run succeeds', async () => {
    const { storage, host, before } = await startingPoint()
    const controller = new AbortController()
    host.onRead = () => controller.abort(new Error('interrupted'))
    const io = { signal: controller.signal, progress: () => {} }
    const options = backupOptions(storage, [host], { clock: testClock(later) })
    await expect(backUp(options, io)).rejects.toThrow('interrupted')
    host.onRead = undefined
    await backUp(backupOptions(await copy(storage), [host], { clock: testClock(later) }), quietIo)
    await expectSound(storage, host, before)
  })
})
