import { describe, expect, it } from 'vitest'
import { decodeManifest, isTombstone } from '../../../src/repository/manifest.ts'
import { beatKey, manifestKey } from '../../../src/repository/names.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import {
  announce,
  createBeat,
  endSession,
  openWriterSession,
  pinBackup,
} from '../../../src/repository/session.ts'
import { key } from '../../../src/storage/key.ts'
import { storageByClock } from '../../storage/by-clock.ts'
import type { TestClock } from '../support.ts'
import { backUp, backupOptions, keysBelow, quietIo, testClock, testRandom } from '../support.ts'
import { backUpOn, faultsOf, runVacuum, type Sample, sampleRepository } from './support.ts'

const hourMs = 3_600_000

/** A repository whose storage dates objects by a clock that tests move; two backups, one to go. */
async function start(): Promise<Sample & { readonly clock: TestClock }> {
  const clock = testClock('2025-02-01T00:00:00.000Z')
  const sample = await sampleRepository([1, 2], storageByClock(clock))
  return { ...sample, clock }
}

const policy = { maxBackups: 1 }
const tools = (clock: TestClock) => ({ clock, random: testRandom('other') })
const body = { kind: 'backup', source: 'elsewhere', pid: 77 } as const

describe('a vacuum beside sessions', () => {
  it('waits for a writer that lives, names it, and goes on when it is done', async () => {
    const { storage, clock, ...sample } = await start()
    const repo = await openRepository(storage, quietIo)
    const { name } = await announce(repo, body, tools(clock), quietIo)
    clock.advance(60_000)
    const first = await runVacuum(storage, { policy, clock })
    expect(first).toMatchObject({ state: 'planned', number: 1, deleted_blocks: 0, revoked: [] })
    expect(first.waiting).toEqual([
      {
        session: name,
        kind: 'backup',
        source: 'elsewhere',
        pid: 77,
        since: new Date('2025-02-01'),
      },
    ])
    // It ended without a word.
    await storage.putIfAbsent(manifestKey(name), Buffer.from([]), quietIo)
    const broken = await runVacuum(storage, { policy, clock }).catch((error: unknown) => error)
    expect(broken).toMatchObject({ code: 'repository.manifest_invalid' })
    await storage.delete([manifestKey(name)], quietIo)
    await endSession(repo, { name }, clock, quietIo)
    const second = await runVacuum(storage, { policy, clock })
    expect(second).toMatchObject({ state: 'closed', number: 1 })
    expect(second.deleted_blocks).toBeGreaterThan(0)
    expect(await faultsOf({ storage, ...sample })).toEqual([])
  })

  it('revokes a session that is silent for hours and while it is watched', async () => {
    const { storage, clock } = await start()
    const repo = await openRepository(storage, quietIo)
    const session = await announce(repo, body, tools(clock), quietIo)
    clock.advance(6 * hourMs)
    const before = clock.monotonicMs()
    expect((await runVacuum(storage, { policy, clock })).state).toBe('planned')
    expect(clock.monotonicMs()).toBe(before)
    clock.advance(1)
    const result = await runVacuum(storage, { policy, clock })
    expect(clock.monotonicMs() - before).toBe(15 * 60_000 + 1)
    expect(result).toMatchObject({ state: 'closed', waiting: [] })
    expect(result.revoked).toMatchObject([{ session: session.name, source: 'elsewhere' }])
    const register = await storage.get(manifestKey(session.name), quietIo)
    expect(isTombstone(decodeManifest(register, session.name))).toBe(true)
  })

  it('does not revoke one that gives a sign of life while it is watched', async () => {
    const { storage, clock } = await start()
    const repo = await openRepository(storage, quietIo)
    const session = await announce(repo, body, tools(clock), quietIo)
    clock.advance(7 * hourMs)
    const beat = createBeat(repo, session, clock)
    let sleeps = 0
    const watching = {
      ...clock,
      sleep: async (milliseconds: number) => {
        sleeps += 1
        clock.advance(milliseconds)
        if (sleeps === 14) await beat(quietIo)
      },
    }
    const result = await runVacuum(storage, { policy, clock: watching })
    expect(sleeps).toBe(14)
    expect(result).toMatchObject({ state: 'planned', revoked: [] })
    expect(result.waiting.map(({ session: name }) => name)).toEqual([session.name])
    expect(await keysBelow(storage, 'beats/')).toEqual([beatKey(session.name)])
  })

  it('does not even watch one that gave a sign of life within six hours', async () => {
    const { storage, clock } = await start()
    const repo = await openRepository(storage, quietIo)
    const session = await announce(repo, body, tools(clock), quietIo)
    clock.advance(7 * hourMs)
    await createBeat(repo, session, clock)(quietIo)
    const before = clock.monotonicMs()
    expect((await runVacuum(storage, { policy, clock })).state).toBe('planned')
    expect(clock.monotonicMs()).toBe(before)
  })

  it('revokes at once what a dead process of this machine left', async () => {
    const { storage, clock } = await start()
    const repo = await openRepository(storage, quietIo)
    const own = { ...body, source: 'controller' }
    await announce(repo, own, tools(clock), quietIo)
    clock.advance(14 * 60_000)
    const isAlive = (): boolean => false
    expect((await runVacuum(storage, { policy, clock, isAlive })).state).toBe('planned')
    clock.advance(2 * 60_000)
    // Of another machine nothing is known, whatever its pids are here.
    const elsewhere = await runVacuum(storage, { policy, clock, isAlive, controller: 'other' })
    expect(elsewhere.state).toBe('planned')
    const alive = await runVacuum(storage, { policy, clock, isAlive: pid => pid === 77 })
    expect(alive.state).toBe('planned')
    const before = clock.monotonicMs()
    const result = await runVacuum(storage, { policy, clock, isAlive })
    expect(result).toMatchObject({ state: 'closed', revoked: [{ pid: 77 }] })
    expect(clock.monotonicMs()).toBe(before)
  })

  it('lets a revoked backup fail cleanly, and the next one succeed', async () => {
    const { clock, ...sample } = await start()
    const { storage, host } = sample
    host.set('small1', 'a change')
    let result: Promise<unknown> | undefined
    const slow = {
      ...host,
      readFiles: async (...args: Parameters<typeof host.readFiles>) => {
        clock.advance(7 * hourMs)
        result ??= runVacuum(storage, { policy, clock })
        await result
        return await host.readFiles(...args)
      },
    }
    const late = backupOptions(storage, [slow], { clock, random: testRandom('late') })
    const failed = await backUp(late, quietIo).catch((e: unknown) => e)
    expect(await result).toMatchObject({ state: 'closed', revoked: [{ source: 'controller' }] })
    expect(failed).toMatchObject({ code: 'repository.session_revoked' })
    expect(await faultsOf(sample)).toEqual([])
    const { backup } = await backUp(backupOptions(storage, [host], { clock }), quietIo)
    sample.trees.set(backup, host.tree())
    expect(await faultsOf(sample)).toEqual([])
  })

  it('keeps what a reader holds, does not wait for it, and frees it afterwards', async () => {
    const { clock, ...sample } = await start()
    const { storage } = sample
    const repo = await openRepository(storage, quietIo)
    const pin = await pinBackup(repo, '20250101_200000', 'reader', tools(clock), quietIo)
    expect(pin.forgotten).toBe(false)
    const held = await runVacuum(storage, { policy, clock })
    expect(held).toMatchObject({ state: 'none', forgotten: ['20250101_200000'], deleted_blocks: 0 })
    expect(await faultsOf(sample)).toEqual([])
    await endSession(repo, pin.session, clock, quietIo)
    const freed = await runVacuum(storage, { policy, clock })
    expect(freed.state).toBe('closed')
    expect(freed.deleted_blocks).toBeGreaterThan(0)
  })

  it('sees a pin that came after the plan', async () => {
    const { clock, ...sample } = await start()
    const { storage } = sample
    const repo = await openRepository(storage, quietIo)
    const quarantineMs = hourMs
    const planned = await runVacuum(storage, { policy, clock, quarantineMs })
    expect(planned.state).toBe('planned')
    const pin = await pinBackup(repo, '20250101_200000', 'reader', tools(clock), quietIo)
    expect(pin.forgotten).toBe(true)
    clock.advance(2 * hourMs)
    const closed = await runVacuum(storage, { policy, clock, quarantineMs })
    expect(closed).toMatchObject({ state: 'closed', deleted_blocks: 0 })
    expect(await faultsOf(sample)).toEqual([])
  })

  it('revokes a reader that died, so that it holds nothing any more', async () => {
    const { clock, storage } = await start()
    const repo = await openRepository(storage, quietIo)
    await pinBackup(repo, '20250101_200000', 'reader', tools(clock), quietIo)
    await storage.put(key(`data/${'0'.repeat(64)}`), Buffer.from('orphan'), quietIo)
    clock.advance(7 * hourMs)
    const first = await runVacuum(storage, { policy, clock })
    expect(first).toMatchObject({ state: 'closed', deleted_blocks: 1, revoked: [{ kind: 'read' }] })
    const second = await runVacuum(storage, { policy, clock })
    expect(second.deleted_blocks).toBeGreaterThan(1)
  })

  it('keeps what a backup reused that began before the plan and ended after it', async () => {
    const { clock, ...sample } = await start()
    const { storage, host } = sample
    let first: Promise<unknown> | undefined
    const slow = {
      ...host,
      readFiles: async (...args: Parameters<typeof host.readFiles>) => {
        const read = await host.readFiles(...args)
        // The parent is forgotten and its blocks planned while the backup that reuses them runs.
        first ??= runVacuum(storage, { policy: { maxBackups: 1 }, clock })
        await first
        return read
      },
    }
    host.set('own', 'and now for something else')
    host.set('small9', 'tiny')
    const { backup } = await backUp(
      backupOptions(storage, [slow], { clock, random: testRandom('n') }),
      quietIo,
    )
    sample.trees.set(backup, host.tree())
    expect(await first).toMatchObject({ state: 'planned', waiting: [{ kind: 'backup' }] })
    const done = await runVacuum(storage, { policy, clock, confirmed: true })
    expect(done).toMatchObject({ state: 'closed', number: 2, forgotten: ['20250102_200000'] })
    expect(await faultsOf(sample)).toEqual([])
  })

  it('lets a backup that begins after the plan store condemned blocks under new names', async () => {
    const { clock, ...sample } = await start()
    const { storage, host } = sample
    // The content of the first day is garbage once that backup is forgotten.
    const planned = await runVacuum(storage, { policy, clock, quarantineMs: hourMs })
    expect(planned.state).toBe('planned')
    host.set('own', `content of day 1 `.repeat(10))
    clock.advance(2 * hourMs)
    const { backup, new_bytes } = await backUp(
      backupOptions(storage, [host], { clock, random: testRandom('n') }),
      quietIo,
    )
    sample.trees.set(backup, host.tree())
    expect(new_bytes).toBeGreaterThan(0)
    expect((await keysBelow(storage, 'data/')).some(each => each.endsWith('.1'))).toBe(true)
    const done = await runVacuum(storage, { clock, quarantineMs: hourMs })
    expect(done.deleted_blocks).toBeGreaterThan(0)
    expect(await faultsOf(sample)).toEqual([])
  })

  it('is not held up by backups that follow each other without a break', async () => {
    const { clock, ...sample } = await start()
    const { storage, host } = sample
    const repo = await openRepository(storage, quietIo)
    const first = await announce(repo, body, tools(clock), quietIo)
    const planned = await runVacuum(storage, { policy, clock })
    expect(planned.waiting.map(({ session }) => session)).toEqual([first.name])
    // The next one begins before the first one ends. It may use nothing that is planned.
    host.set('own', `content of day 1 `.repeat(10))
    clock.advance(60_000)
    const next = await openWriterSession(repo, body, tools(clock), quietIo)
    expect(next.name).not.toBe(first.name)
    expect(next.garbage).toMatchObject({ generation: 1, open: true })
    await endSession(repo, first, clock, quietIo)
    const done = await runVacuum(storage, { policy, clock })
    expect(done).toMatchObject({ state: 'closed', number: 1, waiting: [] })
    expect(done.deleted_blocks).toBeGreaterThan(0)
    expect(await faultsOf(sample)).toEqual([])
  })

  it('waits for every writer where the list of whom it waits for cannot be read', async () => {
    for (const list of ['', '{"format":2,"sessions":[]}', '{"format":1,"sessions":["x"]}']) {
      const { storage, clock } = await start()
      const repo = await openRepository(storage, quietIo)
      await runVacuum(storage, { policy, clock, quarantineMs: 1 })
      await storage.put(key('gc/1/sessions'), Buffer.from(list), quietIo)
      await announce(repo, body, tools(clock), quietIo)
      clock.advance(60_000)
      expect((await runVacuum(storage, { policy, clock })).state, list).toBe('planned')
    }
  })

  it('cleans up after sessions, and their names are not used again', async () => {
    const { storage, clock } = await start()
    const repo = await openRepository(storage, quietIo)
    const ended = await announce(repo, body, tools(clock), quietIo)
    await createBeat(repo, ended, clock)(quietIo)
    await endSession(repo, ended, clock, quietIo)
    await runVacuum(storage, { policy, clock })
    expect(await keysBelow(storage, 'sessions/')).toEqual([])
    expect(await keysBelow(storage, 'beats/')).toEqual([])
    const next = await openWriterSession(repo, body, tools(clock), quietIo)
    expect(next.name).not.toBe(ended.name)
  })

  it('does not let an announcement take a name whose session was cleaned up under it', async () => {
    const { storage, clock } = await start()
    const repo = await openRepository(storage, quietIo)
    const taken = await announce(repo, body, tools(clock), quietIo)
    // Between the look for a manifest and the announcement, the other ends and is cleaned up.
    const racing: typeof storage = {
      ...storage,
      putIfAbsent: async (target, bytes, io) => {
        if (target === `sessions/${taken.name}`) {
          await endSession(repo, taken, clock, io)
          await storage.delete([target], io)
        }
        return await storage.putIfAbsent(target, bytes, io)
      },
    }
    const ours = await announce({ ...repo, storage: racing }, body, tools(clock), quietIo)
    expect(ours.name).not.toBe(taken.name)
  })

  it('waits for a session whose body nobody can read', async () => {
    const { storage, clock } = await start()
    await storage.put(key('sessions/20250131_000000'), Buffer.from('{"kind":"re'), quietIo)
    const result = await runVacuum(storage, { policy, clock })
    expect(result).toMatchObject({
      state: 'planned',
      waiting: [{ session: '20250131_000000', kind: 'unknown', source: 'unknown' }],
    })
  })
})

describe('the next backup', () => {
  it('is not hindered by a vacuum that stopped anywhere', async () => {
    const { clock, ...sample } = await start()
    const planned = await runVacuum(sample.storage, { policy, clock, quarantineMs: hourMs })
    expect(planned.state).toBe('planned')
    await backUpOn(sample, 31)
    expect(await faultsOf(sample)).toEqual([])
  })
})
