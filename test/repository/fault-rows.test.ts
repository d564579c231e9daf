import { describe, expect, it } from 'vitest'
import { listBackups } from '../../src/repository/catalogue.ts'
import { forget } from '../../src/repository/checkpoint.ts'
import { renewProbe } from '../../src/repository/probe-storage.ts'
import { openRepository } from '../../src/repository/repository.ts'
import type { Key, ObjectInfo, Storage } from '../../src/storage/contract.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { dyingStorage, faultyStorage } from '../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  memoryHost,
  quietIo,
  restoredTree,
  stateOf,
  testClock,
  testRandom,
} from './support.ts'
import { runVacuum, sampleRepository } from './vacuum/support.ts'

/** Rows of the fault matrix (specs/reliability.md §4) that no other test is about. */

describe('sessions', () => {
  it('row 20: no beat arrives, the backup goes on, and its commit decides', async () => {
    const storage = createMemoryStorage()
    const fault = { nth: 1, when: 'before', repeat: 1e6, only: ['put'], key: /^beats\// } as const
    const silent = faultyStorage(storage, fault)
    const host = memoryHost('db1')
    host.set('file', 'content')
    const { backup } = await backUp(backupOptions(silent.storage, [host]), quietIo)
    expect(silent.fired()).toBe(true)
    const repo = await openRepository(storage, quietIo)
    expect(await restoredTree(repo, backup, 'db1')).toEqual(host.tree())
  })

  it('row 26: two runs with the same labels at the same second are two backups', async () => {
    const storage = createMemoryStorage()
    const hosts = ['one', 'two'].map(content => {
      const host = memoryHost('db1')
      host.set('file', content)
      return host
    })
    const labels = { night: 'sunday' }
    const made = await Promise.all(
      hosts.map((host, n) =>
        backUp(backupOptions(storage, [host], { labels, random: testRandom(`${n}`) }), quietIo),
      ),
    )
    expect(new Set(made.map(({ backup }) => backup)).size).toBe(2)
    const repo = await openRepository(storage, quietIo)
    const { backups } = await listBackups(repo, quietIo)
    expect(backups.map(entry => entry.labels)).toEqual([labels, labels])
    for (const [n, { backup }] of made.entries()) {
      expect(await restoredTree(repo, backup, 'db1')).toEqual(hosts[n]?.tree())
    }
  })
})

/** Lists what was there so many listings ago. */
function staleLists(storage: Storage): Storage {
  let seen: readonly ObjectInfo[] = []
  return Object.freeze({
    ...storage,
    list: async function* (prefix: string, io: typeof quietIo, after?: Key) {
      const now: ObjectInfo[] = []
      for await (const info of storage.list('', io)) now.push(info)
      const shown = seen
      seen = now
      yield* shown.filter(
        ({ key }) => key.startsWith(prefix) && (after === undefined || key > after),
      )
    },
  })
}

/** Servers that call themselves compatible, and do not create atomically. */
const careless: Readonly<Record<string, (storage: Storage) => Storage>> = {
  'row 35: lists are old': staleLists,
  'row 36: the condition is ignored': storage => ({
    ...storage,
    putIfAbsent: async (key, bytes, io) => {
      await storage.put(key, bytes, io)
      return 'created'
    },
  }),
  'row 36: looks first and writes then': storage => ({
    ...storage,
    putIfAbsent: async (key, bytes, io) => {
      for await (const info of storage.list(key, io)) if (info.key === key) return 'exists'
      await new Promise(resolve => setImmediate(resolve))
      await storage.put(key, bytes, io)
      return 'created'
    },
  }),
  'row 36: everybody is told that it exists': storage => ({
    ...storage,
    putIfAbsent: async (key, bytes, io) => {
      await storage.putIfAbsent(key, bytes, io)
      return 'exists'
    },
  }),
}

describe('a storage of which', () => {
  for (const [what, make] of Object.entries(careless)) {
    it(`${what}, is found out: no vacuum runs beside others`, async () => {
      const { storage } = await sampleRepository([1, 2])
      const odd = make(storage)
      expect(await renewProbe(odd, testRandom('probe'), quietIo)).toBe('exclusive')
      await expect(runVacuum(odd)).rejects.toMatchObject({ code: 'repository.probe_failed' })
    })
  }
})

describe('forgetting', () => {
  it('row 38: cut off anywhere, the marker alone says whether it was done', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let nth = 1; ; nth += 1) {
        const { storage } = await sampleRepository([1, 2])
        const [first = ''] = (await stateOf(storage)).map(line => line.split(' ')[0] ?? '')
        const dying = dyingStorage(storage, { nth, when })
        const repo = await openRepository(storage, quietIo)
        const dead = { ...repo, storage: dying.storage }
        await forget(dead, first, 'row 38', testClock(), quietIo).catch(() => {})
        if (!dying.fired()) break
        const marked = await storage.get(`forgotten/${first}` as Key, quietIo).then(
          () => true,
          () => false,
        )
        const state = (await stateOf(storage)).find(line => line.startsWith(first))
        expect(state).toBe(`${first} ${marked ? 'forgotten' : 'complete'}`)
        // The next run says the same, and it is one marker.
        await forget(repo, first, 'row 38', testClock(), quietIo)
        expect(await stateOf(storage)).toContain(`${first} forgotten`)
      }
    }
  })
})
