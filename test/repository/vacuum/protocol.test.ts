import { describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { encodePlan } from '../../../src/repository/garbage.ts'
import { tombstone } from '../../../src/repository/manifest.ts'
import { blockKey, checkKey, forgottenKey, manifestKey } from '../../../src/repository/names.ts'
import { namedBlocks } from '../../../src/repository/read.ts'
import { openRepository, readBackup } from '../../../src/repository/repository.ts'
import { cancelVacuum, planVacuum } from '../../../src/repository/vacuum/vacuum.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { readOnlyStorage } from '../../../src/storage/read-only.ts'
import { faultyStorage } from '../../storage/faulty.ts'
import { keysBelow, stateOf, testClock, testRandom } from '../support.ts'
import { backUpOn, faultsOf, runVacuum, sampleRepository } from './support.ts'

const hourMs = 3_600_000
const policy = { maxBackups: 2 }
const start = '2025-03-01T00:00:00.000Z'

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => 'no failure',
    (error: unknown) => error,
  )

const sealOf = async (lines: readonly string[]): Promise<Buffer> => {
  const pieces: Uint8Array[] = []
  for await (const piece of encodePlan({ created: start }, lines)) pieces.push(piece)
  return Buffer.concat(pieces)
}

describe('the quarantine', () => {
  it('lasts 24 hours by default; then the next run finishes and plans anew', async () => {
    const sample = await sampleRepository([1, 2, 3])
    const { storage } = sample
    const clock = testClock(start)
    const rest = { policy, clock }
    const first = await runVacuum(storage, { ...rest, quarantineMs: 24 * hourMs })
    expect(first).toMatchObject({ state: 'planned', quarantineLeftMs: 24 * hourMs, number: 1 })
    clock.advance(23 * hourMs)
    await backUpOn(sample, 4)
    const second = await runVacuum(storage, { ...rest, quarantineMs: 24 * hourMs })
    expect(second).toMatchObject({
      state: 'planned',
      quarantineLeftMs: hourMs,
      number: 1,
      forgotten: ['20250102_200000'],
    })
    clock.advance(hourMs)
    const third = await runVacuum(storage, { ...rest, quarantineMs: 24 * hourMs })
    expect(third).toMatchObject({ state: 'planned', quarantineLeftMs: 24 * hourMs, number: 2 })
    expect(third.deleted_blocks).toBeGreaterThan(0)
    expect(await faultsOf(sample)).toEqual([])
  })

  it('is measured with the storage’s clock where it has one', async () => {
    const { storage: inner } = await sampleRepository([1, 2, 3])
    const clock = testClock(start)
    const storeClock = testClock(start)
    const storage: Storage = { ...inner, now: async () => storeClock.now() }
    const options = { policy, clock, quarantineMs: hourMs, acceptClock: true }
    await runVacuum(storage, options)
    clock.advance(100 * hourMs)
    expect((await runVacuum(storage, options)).quarantineLeftMs).toBe(hourMs)
    storeClock.advance(hourMs)
    expect((await runVacuum(storage, options)).state).toBe('closed')
  })
})

describe('cancelling', () => {
  it('deletes nothing, and the next vacuum begins anew', async () => {
    const sample = await sampleRepository([1, 2, 3])
    const { storage } = sample
    const clock = testClock(start)
    const blocks = await keysBelow(storage, 'data/')
    await runVacuum(storage, { policy, clock, quarantineMs: hourMs })
    const who = { storage, controller: 'controller', clock }
    expect(await cancelVacuum(who, quietIo)).toEqual({ number: 1 })
    expect(await cancelVacuum(who, quietIo)).toEqual({ number: undefined })
    expect(await keysBelow(storage, 'data/')).toEqual(blocks)
    expect(await keysBelow(storage, 'gc/')).toEqual([
      'gc/1/closed',
      'gc/1/plan',
      'gc/1/seal',
      'gc/1/sessions',
    ])
    const next = await runVacuum(storage, { policy, clock })
    expect(next).toMatchObject({ state: 'closed', number: 2 })
    expect(next.deleted_blocks).toBeGreaterThan(0)
  })

  it('is refused once it is sealed; whoever comes next finishes', async () => {
    const sample = await sampleRepository([1, 2, 3])
    const clock = testClock(start)
    const faulty = faultyStorage(sample.storage, {
      nth: 1,
      only: ['delete'],
      key: /^data/,
      when: 'before',
    })
    expect(await failure(runVacuum(faulty.storage, { policy, clock }))).toMatchObject({
      code: 'storage.unreachable',
    })
    const { storage } = sample
    const who = { storage, controller: 'controller', clock }
    expect(await failure(cancelVacuum(who, quietIo))).toMatchObject({ code: 'repository.sealed' })
    const plan = await planVacuum({ storage, clock }, quietIo)
    expect(plan.open).toMatchObject({ number: 1, state: 'sealed', quarantineLeftMs: 0 })
    const done = await runVacuum(storage, { clock, quarantineMs: 48 * hourMs })
    expect(done).toMatchObject({ state: 'closed', number: 1 })
    expect(done.deleted_blocks).toBe(plan.open?.blocks)
    expect(await faultsOf(sample)).toEqual([])
  })
})

describe('a plan of a vacuum', () => {
  it('writes nothing, and tells what would go, what stays and what is freed', async () => {
    const sample = await sampleRepository([1, 2, 3])
    const before = await keysBelow(sample.storage, '')
    const { storage, log } = faultyStorage(sample.storage)
    const plan = await planVacuum(
      { storage: readOnlyStorage(storage), clock: testClock(start), policy },
      quietIo,
    )
    expect(log.filter(line => !/^(get|list) /.test(line))).toEqual([])
    expect(await keysBelow(sample.storage, '')).toEqual(before)
    expect(plan).toMatchObject({
      forgotten: ['20250101_200000'],
      losses: [],
      open: undefined,
      waiting: [],
      notes: [],
    })
    const done = await runVacuum(sample.storage, { policy })
    expect(plan.freeable_blocks).toBe(done.deleted_blocks)
    expect(plan.freeable_bytes).toBe(done.deleted_bytes)
    expect(plan.kept).toEqual(done.kept)
  })
})

describe('a vacuum refuses', () => {
  it('to forget more than half of a cluster’s backups unless confirmed', async () => {
    const { storage } = await sampleRepository([1, 2, 3])
    const few = { policy: { maxBackups: 1 } }
    const error = await failure(runVacuum(storage, few))
    expect(error).toMatchObject({
      code: 'repository.unconfirmed',
      exit: 8,
      message: 'this would forget 2 of the 3 complete backups of demo (files)',
    })
    expect(await keysBelow(storage, 'forgotten/')).toEqual([])
    expect(await keysBelow(storage, 'gc/')).toEqual([])
    expect((await runVacuum(storage, { ...few, confirmed: true })).forgotten).toHaveLength(2)
  })

  it('to go on when a live manifest, its lists or a listing cannot be read, before it plans', async () => {
    const damage: readonly ((storage: Storage) => Promise<unknown>)[] = [
      async storage => await storage.put(manifestKey('20250102_200000'), Buffer.from('?'), quietIo),
      async storage => {
        const repo = await openRepository(storage, quietIo)
        const { manifest } = await readBackup(repo, '20250102_200000', quietIo)
        await storage.delete(manifest.blocks.map(blockKey), quietIo)
      },
      async storage => await storage.put(key('manifests/old.manifest'), Buffer.from('?'), quietIo),
      async storage => await storage.put(key('gc/1/plan'), Buffer.from('{"format":2}\n'), quietIo),
    ]
    for (const spoil of damage) {
      const { storage } = await sampleRepository([1, 2, 3])
      await spoil(storage)
      const blocks = await keysBelow(storage, 'data/')
      const error = await failure(runVacuum(storage, { policy }))
      expect(error).toMatchObject({ code: expect.stringMatching(/^repository\./) })
      expect(await keysBelow(storage, 'data/')).toEqual(blocks)
      expect((await keysBelow(storage, 'gc/')).filter(each => !each.endsWith('plan'))).toEqual([])
    }
  })

  it('a listing that is out of order: a join would take live blocks for garbage', async () => {
    const { storage: inner } = await sampleRepository([1, 2, 3])
    const storage: Storage = {
      ...inner,
      list: async function* (prefix, io, after) {
        const all = []
        for await (const info of inner.list(prefix, io, after)) all.push(info)
        yield* prefix === 'data/' ? all.reverse() : all
      },
    }
    expect(await failure(runVacuum(storage, { policy }))).toMatchObject({
      code: 'storage.failed',
      message: expect.stringContaining('lists data/'),
    })
    expect(await keysBelow(inner, 'gc/')).toEqual([])
  })

  it('a seal that names what a live backup needs, or what is younger than it', async () => {
    for (const younger of [false, true]) {
      const sample = await sampleRepository([1, 2, 3])
      const { storage } = sample
      await runVacuum(storage, { policy, quarantineMs: hourMs })
      const repo = await openRepository(storage, quietIo)
      const { manifest } = await readBackup(repo, '20250103_200000', quietIo)
      const [block] = namedBlocks(manifest)
      const line = younger ? `${'0'.repeat(64)}.1` : `${block?.blockId}`
      await storage.put(key('gc/1/seal'), await sealOf([line]), quietIo)
      expect(await failure(runVacuum(storage))).toMatchObject({ code: 'repository.plan_invalid' })
      expect(await faultsOf(sample)).toEqual([])
    }
  })

  it('clocks that disagree, unless told to go on', async () => {
    const { storage } = await sampleRepository([1, 2, 3])
    const clock = testClock('2025-01-03T19:00:00.000Z')
    expect(await failure(runVacuum(storage, { policy, clock }))).toMatchObject({
      code: 'repository.clock',
    })
    const result = await runVacuum(storage, { policy, clock, acceptClock: true })
    expect(result.kept.at(-1)?.why).toMatch(/^dated in the future/)
    expect(result.forgotten).toEqual([])
    // What was forgotten, and sessions that came to nothing, are no clocks.
    await storage.putIfAbsent(forgottenKey('20250103_200000'), Buffer.from('{}'), quietIo)
    await storage.putIfAbsent(manifestKey('20270101_000000'), tombstone, quietIo)
    expect((await runVacuum(storage, { clock, random: testRandom('x') })).state).toBe('closed')
  })

  it('to trust the earlier of two times that a manifest has', async () => {
    const { storage } = await sampleRepository([1, 2])
    // Its text is of January 2025, its name is not.
    const bytes = await storage.get(manifestKey('20250101_200000'), quietIo)
    await storage.put(manifestKey('20260101_000000'), bytes, quietIo)
    const result = await runVacuum(storage, { policy, acceptClock: true })
    expect(result.kept.at(-1)).toEqual({
      name: '20260101_000000',
      why: expect.stringMatching(/^dated in the future/),
    })
  })

  it('a cluster that has no backup', async () => {
    const { storage } = await sampleRepository([1, 2])
    const error = await failure(runVacuum(storage, { policy, cluster: { name: 'dome' } }))
    expect(error).toMatchObject({
      code: 'repository.backup_not_found',
      hint: 'it holds backups of demo',
    })
  })
})

describe('a storage that does not create atomically', () => {
  const careless = (inner: Storage): Storage => ({
    ...inner,
    capabilities: { ...inner.capabilities, atomicCreate: false },
  })

  it('is vacuumed with --exclusive only, and waits the quarantine in any case', async () => {
    const sample = await sampleRepository([1, 2, 3])
    const storage = careless(sample.storage)
    const clock = testClock(start)
    expect(await failure(runVacuum(storage, { policy, clock }))).toMatchObject({
      code: 'repository.probe_failed',
      exit: 8,
    })
    const options = { policy, clock, exclusive: true, quarantineMs: 0 }
    expect(await runVacuum(storage, options)).toMatchObject({
      state: 'planned',
      quarantineLeftMs: 24 * hourMs,
    })
    clock.advance(24 * hourMs)
    expect((await runVacuum(storage, options)).state).toBe('closed')
  })

  it('is found out although an earlier race was won', async () => {
    const { storage: inner } = await sampleRepository([1, 2, 3])
    const probes = await keysBelow(inner, 'probe/')
    expect(probes).toHaveLength(1)
    // As after a move to a server that ignores the condition.
    const storage: Storage = {
      ...inner,
      putIfAbsent: async (target, bytes, io) => {
        await inner.put(target, bytes, io)
        return 'created'
      },
    }
    expect(await failure(runVacuum(storage, { policy }))).toMatchObject({
      code: 'repository.probe_failed',
    })
    expect(await keysBelow(inner, 'probe/')).toEqual([])
    expect(await keysBelow(inner, 'forgotten/')).toEqual([])
  })
})

describe('two vacuums', () => {
  it('agree on a seal that one of them made of what the other still thought live', async () => {
    const sample = await sampleRepository([1, 2, 3])
    const inner = sample.storage
    let other: unknown
    const storage: Storage = {
      ...inner,
      putIfAbsent: async (target, bytes, io) => {
        // All manifests were read: now the other one forgets one of them, seals, and dies.
        if (target === 'gc/1/plan' && other === undefined) {
          const dying = faultyStorage(inner, {
            nth: 1,
            only: ['delete'],
            key: /^data/,
            when: 'before',
          })
          other = await failure(runVacuum(dying.storage, { policy, random: testRandom('other') }))
        }
        return await inner.putIfAbsent(target, bytes, io)
      },
    }
    await storage.put(key(`data/${'0'.repeat(64)}`), Buffer.from('orphan'), quietIo)
    const result = await runVacuum(storage, {})
    expect(other).toMatchObject({ code: 'storage.unreachable' })
    expect(result).toMatchObject({ state: 'closed', number: 1 })
    expect(result.deleted_blocks).toBeGreaterThan(1)
    expect(await faultsOf(sample)).toEqual([])
  })

  it('delete again what a revoked writer puts back meanwhile', async () => {
    const { storage: inner } = await sampleRepository([1])
    const orphan = key(`data/${'0'.repeat(64)}`)
    await inner.put(orphan, Buffer.from('orphan'), quietIo)
    let left = 2
    const storage: Storage = {
      ...inner,
      delete: async (keys, io) => {
        const failed = await inner.delete(keys, io)
        if (keys.includes(orphan) && left > 0) {
          left -= 1
          await inner.put(orphan, Buffer.from('orphan'), io)
        }
        return failed
      },
    }
    expect(await runVacuum(storage)).toMatchObject({ state: 'closed', number: 1 })
    expect(left).toBe(0)
    expect(await keysBelow(inner, orphan)).toEqual([])
  })

  it('say which blocks could not be deleted, and go on the next time', async () => {
    const { storage: inner } = await sampleRepository([1])
    const orphan = key(`data/${'0'.repeat(64)}`)
    await inner.put(orphan, Buffer.from('orphan'), quietIo)
    const storage: Storage = {
      ...inner,
      delete: async (keys, io) =>
        keys.includes(orphan)
          ? [{ key: orphan, error: new Error('access denied') }]
          : await inner.delete(keys, io),
    }
    expect(await failure(runVacuum(storage))).toMatchObject({
      code: 'storage.failed',
      message: expect.stringMatching(
        /did not delete 1 blocks, data\/0{64} among them: access denied$/,
      ),
    })
    expect(await runVacuum(inner)).toMatchObject({ state: 'closed', deleted_blocks: 1 })
  })

  it('leave a block alone that is as young as they are', async () => {
    const { storage } = await sampleRepository([1])
    const young = key(`data/${'0'.repeat(64)}.1`)
    await storage.put(young, Buffer.from('young'), quietIo)
    expect((await runVacuum(storage)).state).toBe('none')
    expect(await keysBelow(storage, young)).toEqual([young])
  })
})

describe('more garbage than one plan takes', () => {
  it('goes in several plans of one run', async () => {
    const sample = await sampleRepository([1, 2, 3, 4])
    const all = await planVacuum(
      { storage: sample.storage, clock: testClock(start), policy },
      quietIo,
    )
    const result = await runVacuum(sample.storage, { policy, mostCandidates: 3 })
    expect(result.deleted_blocks).toBe(all.freeable_blocks)
    expect(result.number).toBe(Math.ceil(all.freeable_blocks / 3))
    expect(result.number).toBeGreaterThan(1)
    expect(await faultsOf(sample)).toEqual([])
  })
})

describe('what is not a backup', () => {
  it('goes after 7 days: a failed verification does not count', async () => {
    const sample = await sampleRepository([1, 2, 3])
    const { storage } = sample
    const record = { time: '2025-01-10T00:00:00Z', result: 'failed' }
    await storage.put(
      checkKey('20250103_200000', 'a'),
      Buffer.from(JSON.stringify(record)),
      quietIo,
    )
    const result = await runVacuum(storage, { policy: { maxBackups: 2 } })
    expect(result.forgotten).toEqual(['20250103_200000'])
    expect(result.verdicts.at(-1)?.why).toBe('its last verification failed; 56 days old')
    const later = { time: '2025-01-11T00:00:00Z', result: 'ok' }
    await storage.put(
      checkKey('20250102_200000', 'a'),
      Buffer.from(JSON.stringify(record)),
      quietIo,
    )
    await storage.put(checkKey('20250102_200000', 'b'), Buffer.from(JSON.stringify(later)), quietIo)
    expect((await runVacuum(storage, { policy: { maxBackups: 2 } })).forgotten).toEqual([])
    expect(await stateOf(storage)).toHaveLength(3)
  })

  it('holds nothing once it was forgotten, damaged or not', async () => {
    const { storage } = await sampleRepository([1, 2, 3])
    await storage.put(manifestKey('20250101_200000'), Buffer.from('?'), quietIo)
    await storage.putIfAbsent(forgottenKey('20250101_200000'), Buffer.from('{}'), quietIo)
    expect((await runVacuum(storage)).state).toBe('closed')
  })
})
