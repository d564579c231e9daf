import { describe, expect, test } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { listLocks } from '../../src/execute/lock/list-locks.ts'
import { acquirePlayLock } from '../../src/execute/lock/play-lock.ts'
import { acquireStorageLock } from '../../src/execute/lock/storage-lock.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { faultyStorage } from '../storage/faulty.ts'
import {
  errorOf,
  folder,
  keysBelow,
  refusalOf,
  storages,
  take,
  tools,
  view,
} from './lock-support.ts'

describe.each(storages)('a lock in a storage: %s', (_name, make) => {
  test('is held by one of 16 who race for it, and by the next after its release', async () => {
    const storage = await make()
    for (let round = 0; round < 3; round += 1) {
      const races = Array.from({ length: 16 }, (_, index) => take(storage, `r${round}-${index}`))
      const ends = await Promise.allSettled(races)
      const won = ends.flatMap(end => (end.status === 'fulfilled' ? [end.value] : []))
      expect(won).toHaveLength(1)
      for (const end of ends) {
        if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'run.lock_held' })
      }
      await won[0]?.release()
    }
    expect(await keysBelow(storage, 'locks/')).toEqual([
      'locks/graph/00000001',
      'locks/graph/00000001.released',
      'locks/graph/00000002',
      'locks/graph/00000002.released',
      'locks/graph/00000003',
      'locks/graph/00000003.released',
    ])
  })

  test('says who holds it since when, and how to free it', async () => {
    const storage = await make()
    await take(storage, 'run-1', view('ctl1', 42))
    const error = await refusalOf(take(storage, 'run-2', view('ctl2')))
    expect(error.exit).toBe(8)
    expect(error.message).toBe(
      'lock "graph" is held by run run-1: pid 42 of op on ctl1, since 2026-11-21T10:00:00.000Z',
    )
    expect(error.hint).toBe(
      'see whether it still runs on ctl1. If not: bkp resume --from vault run-1 goes on with it, bkp abort --from vault run-1 settles and ends it; where neither is possible, remove locks/graph/00000001 from vault',
    )
    expect(error.details).toMatchObject({ run: 'run-1', host: 'ctl1', key: 'locks/graph/00000001' })
  })

  test('stays with a run whose process is gone, until the same run takes it over', async () => {
    const storage = await make()
    await take(storage, 'dead', view('ctl1', 42))
    const here = view('ctl1', 43, ({ pid }) => (pid === 42 ? 'gone' : 'unknown'))
    const error = await refusalOf(take(storage, 'other', here))
    expect(error.hint).toMatch(/^its process on ctl1 is gone: bkp resume --from vault dead /)
    const again = await take(storage, 'dead', here)
    expect(again.tookOver).toMatchObject({ run: 'dead', controller: { pid: 42 } })
    await refusalOf(take(storage, 'other'))
    await again.release()
    // Also of the number that was taken over: the highest unreleased one holds the lock, or none.
    expect(await keysBelow(storage, 'locks/')).toEqual([
      'locks/graph/00000001',
      'locks/graph/00000001.released',
      'locks/graph/00000002',
      'locks/graph/00000002.released',
    ])
    await (await take(storage, 'other')).release()
  })

  test('a number that was taken over and never released does not hold it', async () => {
    const storage = await make()
    await take(storage, 'dead', view('ctl1'))
    await (await take(storage, 'dead', view('ctl2'))).release()
    await storage.delete([key('locks/graph/00000001.released')], quietIo)
    await (await take(storage, 'other')).release()
  })

  test('is not taken over from a process of the same run that is seen alive', async () => {
    const storage = await make()
    await take(storage, 'run-1', view('ctl1', 42))
    const here = view('ctl1', 43, () => 'alive')
    const error = await refusalOf(take(storage, 'run-1', here))
    expect(error.message).toMatch(/^run run-1 goes on already: pid 42 of op on ctl1 holds lock/)
    expect(error.hint).toContain('kill -INT 42')
    // Its own earlier hold is no obstacle.
    await (
      await take(
        storage,
        'run-1',
        view('ctl1', 42, () => 'alive'),
      )
    ).release()
  })

  test('of two controllers that resume one run at once, one goes on', async () => {
    const storage = await make()
    await take(storage, 'run-1', view('ctl1'))
    // All have seen the dead one before the first of them sets a register.
    let waiting = 0
    let open = (): void => {}
    const all = new Promise<void>(resolve => {
      open = resolve
    })
    const together = {
      ...storage,
      putIfAbsent: async (...words: Parameters<typeof storage.putIfAbsent>) => {
        waiting += 1
        if (waiting === 3) open()
        await all
        return await storage.putIfAbsent(...words)
      },
    }
    const hosts = ['ctl2', 'ctl3', 'ctl4']
    const ends = await Promise.allSettled(hosts.map(host => take(together, 'run-1', view(host))))
    const won = ends.filter(end => end.status === 'fulfilled')
    expect(won).toHaveLength(1)
  })

  test('a release frees only what it holds, and only once', async () => {
    const storage = await make()
    const first = await take(storage, 'run-1', view('ctl1'))
    const second = await take(storage, 'run-1', view('ctl2'))
    await first.release()
    await refusalOf(take(storage, 'other'))
    await second.release()
    const third = await take(storage, 'other')
    await first.release()
    await second.release()
    await refusalOf(take(storage, 'another'))
    await third.release()
    // As the normative text has it: no number below the highest is left unreleased.
    const keys = await keysBelow(storage, 'locks/')
    expect(keys.filter(each => !each.endsWith('.released'))).toHaveLength(3)
    expect(keys.filter(each => each.endsWith('.released'))).toHaveLength(3)
  })

  test('a register removed by hand frees it, and a late release does not free the next one', async () => {
    const storage = await make()
    const slow = await take(storage, 'slow')
    await storage.delete([key('locks/graph/00000001')], quietIo)
    await take(storage, 'next')
    await slow.release()
    await refusalOf(take(storage, 'other'))
  })

  test('something unreadable in its place is held, not overwritten', async () => {
    const storage = await make()
    for (const bytes of ['', '{}', '{"lock":"graph"', '{"lock":"g","run":"a b","since":""}']) {
      await storage.put(key('locks/graph/00000009'), Buffer.from(bytes), quietIo)
      const error = await refusalOf(take(storage, 'run-1'))
      expect(error.message).toContain('locks/graph/00000009 in vault')
    }
  })

  test('names are apart, whatever is in them', async () => {
    const storage = await make()
    const long = 'n'.repeat(400)
    const names = [
      'a',
      'A',
      'a/b',
      'a_b',
      'a b',
      '..',
      '.',
      '.tmp-x',
      '~',
      'ä',
      `${long}1`,
      `${long}2`,
    ]
    for (const name of names) {
      const request = { storage, storageName: 'vault', run: 'run-1', ...tools(view('ctl1')) }
      expect((await acquireStorageLock({ ...request, name })).tookOver).toBeUndefined()
    }
    const listed: string[] = []
    for await (const { lock } of listLocks(storage, quietIo)) listed.push(lock)
    expect(listed.sort()).toEqual([...names].sort())
  })

  test('held ones are listed, released ones are not', async () => {
    const storage = await make()
    await (await take(storage, 'run-1')).release()
    const request = { storage, storageName: 'vault', ...tools(view('ctl9')) }
    await acquireStorageLock({ ...request, name: 'other', run: 'run-2' })
    const listed: string[] = []
    for await (const { lock, run, controller } of listLocks(storage, quietIo)) {
      listed.push(`${lock} ${run} ${controller.host}`)
    }
    expect(listed).toEqual(['other run-2 ctl9'])
  })
})

test('an answer that was lost is found again', async () => {
  for (let nth = 1; ; nth += 1) {
    const inner = createMemoryStorage()
    const { storage, fired } = faultyStorage(inner, { nth, only: ['putIfAbsent'], when: 'after' })
    const lock = await take(storage, 'run-1')
    await refusalOf(take(inner, 'other'))
    await lock.release()
    await (await take(inner, 'other')).release()
    expect(await keysBelow(inner, 'locks/')).toHaveLength(4)
    if (!fired()) break
    expect(nth).toBeLessThan(5)
  }
})

test('an acquisition that fails leaves nothing held where the storage answers again', async () => {
  for (const when of ['before', 'after'] as const) {
    const inner = createMemoryStorage()
    const fault = { nth: 1, only: ['putIfAbsent'], when, repeat: 5 } as const
    const { storage } = faultyStorage(inner, fault)
    expect((await errorOf(take(storage, 'run-1'))).code).toBe('storage.unreachable')
    await take(inner, 'other')
  }
})

/** As SIGKILL: nothing catches it, and nothing works any more. */
class Killed extends Error {}

describe.each(['before', 'after'] as const)('killed %s the n-th operation', when => {
  test('one run holds it or none, and its run frees it from another controller', async () => {
    let completed = false
    for (let nth = 1; !completed; nth += 1) {
      const inner = createMemoryStorage()
      const error = () => new Killed()
      const faulty = faultyStorage(inner, { nth, when, repeat: Number.POSITIVE_INFINITY, error })
      let held = false
      let letGo = false
      try {
        const lock = await take(faulty.storage, 'victim', view('ctl1'))
        held = true
        await lock.release()
        letGo = true
      } catch (thrown) {
        if (!(thrown instanceof Killed)) throw thrown
      }
      completed = !faulty.fired()
      const other = await take(inner, 'other').catch(thrown => thrown)
      const isRefused = other.code === 'run.lock_held'
      if (letGo) expect(isRefused).toBe(false)
      // Between the two, its release may have come to pass or not.
      if (held && !letGo && isRefused) expect(other.details.run).toBe('victim')
      if (isRefused) {
        await (await take(inner, 'victim', view('ctl2'))).release()
        await (await take(inner, 'other')).release()
      }
      expect(nth).toBeLessThan(20)
    }
  })
})

test('a storage that creates nothing atomically holds no locks', async () => {
  const memory = createMemoryStorage()
  const capabilities = { ...memory.capabilities, atomicCreate: false }
  const error = await errorOf(take({ ...memory, capabilities }, 'run-1'))
  expect([error.code, error.exit]).toEqual(['repository.probe_failed', 8])
})

test('nor does one that says so only when it is written to', async () => {
  const memory = createMemoryStorage()
  let isAtomic = true
  const capabilities = {
    ...memory.capabilities,
    get atomicCreate() {
      return isAtomic
    },
  }
  const late: typeof memory = {
    ...memory,
    capabilities,
    putIfAbsent: async (...words) => {
      isAtomic = false
      return await memory.putIfAbsent(...words)
    },
  }
  expect((await errorOf(take(late, 'run-1'))).code).toBe('repository.probe_failed')
  // It was let go of: on a sound storage another run has it now.
  await (await take(memory, 'run-2')).release()
})

test('an interrupted acquisition leaves nothing held', async () => {
  const storage = createMemoryStorage()
  const stop = new AbortController()
  const request = { storage, storageName: 'vault', name: 'graph', ...tools(view('ctl1')) }
  const io = { ...quietIo, signal: stop.signal }
  const { putIfAbsent } = storage
  const interrupted = {
    ...storage,
    putIfAbsent: async (...words: Parameters<typeof putIfAbsent>) => {
      await putIfAbsent(...words)
      if (!words[2].signal.aborted && words[2] === io) stop.abort(new Error('interrupted'))
      words[2].signal.throwIfAborted()
      return 'created' as const
    },
  }
  const taking = acquireStorageLock({ ...request, storage: interrupted, run: 'run-1', io })
  await expect(taking).rejects.toThrow('interrupted')
  await take(storage, 'other')
})

describe('the lock of a play', () => {
  const request = (run: string, stateDirectory: string, host: string) => ({
    name: 'graph',
    run,
    stateDirectory,
    ...tools(view(host)),
  })

  test('holds both places or neither', async () => {
    const storage = { name: 'vault', storage: createMemoryStorage() }
    const [here, there] = [await folder(), await folder()]
    const lock = await acquirePlayLock({ ...request('run-1', here, 'ctl1'), storage })
    await refusalOf(acquirePlayLock({ ...request('run-2', there, 'ctl2'), storage }))
    // Refused by the storage, it let go of its own controller.
    const local = await acquirePlayLock(request('run-3', there, 'ctl2'))
    await refusalOf(acquirePlayLock(request('run-4', here, 'ctl1')))
    await lock.release()
    await local.release()
    await (await acquirePlayLock({ ...request('run-2', there, 'ctl2'), storage })).release()
    await (await acquirePlayLock(request('run-4', here, 'ctl1'))).release()
  })

  test('lets go of this controller where the storage does not answer', async () => {
    const directory = await folder()
    const inner = createMemoryStorage()
    const fault = { nth: 1, key: /released$/, when: 'before', repeat: 99 } as const
    const storage = { name: 'vault', storage: faultyStorage(inner, fault).storage }
    const lock = await acquirePlayLock({ ...request('run-1', directory, 'ctl1'), storage })
    expect((await errorOf(lock.release())).code).toBe('storage.unreachable')
    await acquirePlayLock(request('run-2', directory, 'ctl1'))
  })

  test('is refused by a storage that only says that it creates atomically, and leaves nothing held', async () => {
    const directory = await folder()
    const inner = createMemoryStorage()
    const careless: Storage = {
      ...inner,
      putIfAbsent: async (key, bytes, io) => {
        await inner.put(key, bytes, io)
        return 'created'
      },
    }
    const storage = { name: 'vault', storage: careless }
    const error = await errorOf(
      acquirePlayLock({ ...request('run-1', directory, 'ctl1'), storage }),
    )
    expect(error.code).toBe('repository.probe_failed')
    expect(await keysBelow(inner, 'locks/')).toEqual([])
    await acquirePlayLock(request('run-2', directory, 'ctl1'))
  })
})
