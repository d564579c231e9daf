import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Liveness } from '../../src/execute/lock/controller.ts'
import { takeLock } from '../../src/execute/lock/registers.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { take, tools, view } from './lock-support.ts'

/** Lets go on, one operation at a time, whom `choose` names: all that happens is its doing. */
async function interleave(
  storage: Storage,
  actors: readonly ((storage: Storage) => Promise<void>)[],
  choose: (count: number) => number,
): Promise<void> {
  const ready: (() => void)[] = []
  let running = actors.length
  let wake = (): void => {}
  const step = async (): Promise<void> => {
    running -= 1
    wake()
    await new Promise<void>(resolve => ready.push(resolve))
  }
  const stepping: Storage = {
    ...storage,
    get: async (...words) => {
      await step()
      return await storage.get(...words)
    },
    list: async function* (...words) {
      // One page at a time, as a service answers: what is listed may be old when the next one comes.
      await step()
      for await (const info of storage.list(...words)) {
        yield info
        await step()
      }
    },
    put: async (...words) => {
      await step()
      await storage.put(...words)
    },
    putIfAbsent: async (...words) => {
      await step()
      return await storage.putIfAbsent(...words)
    },
  }
  let left = actors.length
  const ends = actors.map(actor =>
    actor(stepping).finally(() => {
      left -= 1
      running -= 1
      wake()
    }),
  )
  while (left > 0) {
    if (running > 0) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
      continue
    }
    const [next] = ready.splice(choose(ready.length), 1)
    running += 1
    next?.()
  }
  await Promise.all(ends)
}

/** Takes the lock and lets go of it; counts who holds it meanwhile. */
function worker(
  name: string,
  watch: { holders: Set<string>; most: number; wins: number },
): (storage: Storage) => Promise<void> {
  return async storage => {
    try {
      const lock = await take(storage, name)
      watch.holders.add(name)
      watch.wins += 1
      watch.most = Math.max(watch.most, watch.holders.size)
      // An operation of its own between the two: the lock is held for a while.
      for await (const _ of storage.list('work/', tools(view(name)).io));
      watch.holders.delete(name)
      await lock.release()
    } catch (error) {
      if ((error as { code?: string }).code !== 'run.lock_held') throw error
    }
  }
}

/** Runs one interleaving: choices as given, then always the first. Resolves to how many there were. */
async function explore(
  choices: readonly number[],
  names: readonly string[],
  through: (storage: Storage) => Storage = storage => storage,
): Promise<{ readonly counts: readonly number[]; readonly most: number; readonly wins: number }> {
  const counts: number[] = []
  const watch = { holders: new Set<string>(), most: 0, wins: 0 }
  await interleave(
    createMemoryStorage(),
    names.map(name => (storage: Storage) => worker(name, watch)(through(storage))),
    count => {
      counts.push(count)
      return Math.min(choices[counts.length - 1] ?? 0, count - 1)
    },
  )
  return { counts, most: watch.most, wins: watch.wins }
}

/** Every interleaving of the actors, up to a number of them, or to one with two holders. */
async function exploreAll(
  names: readonly string[],
  limit: number,
  through?: (storage: Storage) => Storage,
): Promise<{ readonly runs: number; readonly most: number; readonly leastWins: number }> {
  let choices: number[] | undefined = []
  let runs = 0
  let most = 0
  let leastWins = names.length
  while (choices !== undefined && runs < limit && most < 2) {
    const seen = await explore(choices, names, through)
    runs += 1
    most = Math.max(most, seen.most)
    leastWins = Math.min(leastWins, seen.wins)
    const path: number[] = seen.counts.map((_, index) => choices?.[index] ?? 0)
    // The last choice that has an alternative left: depth first.
    let last = path.length - 1
    while (last >= 0 && (path[last] ?? 0) + 1 >= (seen.counts[last] ?? 0)) last -= 1
    choices = last < 0 ? undefined : [...path.slice(0, last), (path[last] ?? 0) + 1]
  }
  return { runs, most, leastWins }
}

test('every interleaving of two acquirers has at most one holder, and at least one winner', async () => {
  const all = await exploreAll(['a', 'b'], 20_000)
  expect(all.runs).toBeGreaterThan(200)
  expect(all.runs).toBeLessThan(20_000)
  expect(all).toMatchObject({ most: 1, leastWins: 1 })
})

test('any interleaving of four acquirers has at most one holder, and at least one winner', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 120 }), async choices => {
      const seen = await explore(choices, ['a', 'b', 'c', 'd'])
      expect(seen.most).toBe(1)
      expect(seen.wins).toBeGreaterThan(0)
    }),
    { numRuns: 150, seed: 4 },
  )
})

test('the exploration finds the two holders where creating is looking and then writing', async () => {
  const looksFirst = (storage: Storage): Storage => ({
    ...storage,
    putIfAbsent: async (key, bytes, io) => {
      for await (const { key: found } of storage.list(key, io)) if (found === key) return 'exists'
      await storage.put(key, bytes, io)
      return 'created'
    },
  })
  expect((await exploreAll(['a', 'b'], 20_000, looksFirst)).most).toBe(2)
})

test('of many that find a dead holder, one takes it over', async () => {
  const takeOver = (storage: Storage, run: string) =>
    takeLock(
      {
        name: 'graph',
        run,
        ...tools(
          view(
            'ctl1',
            Number(run.slice(1)),
            (other): Liveness => (other.pid === 1 ? 'gone' : 'alive'),
          ),
        ),
      },
      {
        storage,
        place: file => ({ lock: 'graph', file }),
        mayTakeOver: (_holder, liveness) => liveness === 'gone',
      },
    )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 60 }), async choices => {
      const storage = createMemoryStorage()
      await takeOver(storage, 'p1')
      let winners = 0
      let at = 0
      await interleave(
        storage,
        ['p2', 'p3', 'p4'].map(run => async (stepping: Storage) => {
          try {
            await takeOver(stepping, run)
            winners += 1
          } catch (error) {
            if ((error as { code?: string }).code !== 'run.lock_held') throw error
          }
        }),
        count => Math.min(choices[at++] ?? 0, count - 1),
      )
      expect(winners).toBe(1)
    }),
    { numRuns: 150, seed: 4 },
  )
})
