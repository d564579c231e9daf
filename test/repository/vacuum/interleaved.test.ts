import { describe, expect, it } from 'vitest'
import { asBkpError } from '../../../src/base/errors.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { backUp, backupOptions, keysBelow, quietIo, testClock, testRandom } from '../support.ts'
import { copyOf, faultsOf, runVacuum, sampleRepository } from './support.ts'

/** Lets one actor take one step at a time, in an order that a seed decides. */
function createTurns(seed: number) {
  let state = seed
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const waiting: (() => void)[] = []
  const turn = (): Promise<void> =>
    new Promise(resolve => {
      waiting.push(resolve)
    })
  /** Wakes one at a time until all are done; each gets time to come to its next wait. */
  const run = async (actors: readonly Promise<unknown>[]): Promise<readonly unknown[]> => {
    let done = false
    const all = Promise.allSettled(actors).then(outcomes => {
      done = true
      return outcomes.map(outcome =>
        outcome.status === 'fulfilled' ? outcome.value : asBkpError(outcome.reason),
      )
    })
    while (!done) {
      await new Promise(resolve => setImmediate(resolve))
      const [chosen] = waiting.splice(next(waiting.length), 1)
      chosen?.()
    }
    return await all
  }
  return { turn, run }
}

/** Each operation of the storage is one step. */
function stepwise(inner: Storage, turn: () => Promise<void>): Storage {
  return {
    ...inner,
    get: async (...args) => {
      await turn()
      return await inner.get(...args)
    },
    list: async function* (...args) {
      await turn()
      yield* inner.list(...args)
    },
    put: async (...args) => {
      await turn()
      await inner.put(...args)
    },
    putIfAbsent: async (...args) => {
      await turn()
      return await inner.putIfAbsent(...args)
    },
    delete: async (...args) => {
      await turn()
      return await inner.delete(...args)
    },
  }
}

describe('vacuums and backups that run at the same time', () => {
  it('delete nothing that a live backup needs, in any of many orders', async () => {
    const base = await sampleRepository([1, 2, 3])
    const outcomes = new Map<string, number>()
    for (let seed = 1; seed <= 16; seed += 1) {
      const sample = { ...base, trees: new Map(base.trees), storage: await copyOf(base.storage) }
      const { turn, run } = createTurns(seed)
      // What day 1 had: garbage as soon as that backup is forgotten.
      base.host.set('own', 'content of day 1 '.repeat(10))
      const backup = async (name: string): Promise<string> => {
        // A vacuum begins with a race of 16; a backup that began with it would be done too soon.
        for (let wait = (seed * 7) % 60; wait > 0; wait -= 1) await turn()
        const options = backupOptions(stepwise(sample.storage, turn), [base.host], {
          clock: testClock('2025-02-01T00:00:00.000Z'),
          random: testRandom(`${name} ${seed}`),
        })
        return (await backUp(options, quietIo)).backup
      }
      const clean = async (name: string, maxBackups: number): Promise<string> => {
        const result = await runVacuum(stepwise(sample.storage, turn), {
          policy: { maxBackups },
          random: testRandom(`${name} ${seed}`),
          confirmed: true,
        })
        return result.state
      }
      const ends = await run([clean('a', 2), clean('b', 1), backup('c')])
      for (const end of ends) {
        const text = typeof end === 'string' ? end : String(end)
        const kind = text.startsWith('2025') ? 'backup' : text
        outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
      }
      const made = ends[2]
      if (typeof made === 'string') sample.trees.set(made, base.host.tree())
      expect(await faultsOf(sample), `seed ${seed}`).toEqual([])
      const last = await runVacuum(sample.storage, { random: testRandom('last') })
      expect(['closed', 'none']).toContain(last.state)
      expect(await faultsOf(sample), `seed ${seed}, afterwards`).toEqual([])
      expect((await runVacuum(sample.storage)).state).toBe('none')
      const left = await keysBelow(sample.storage, 'gc/')
      const count = (end: string): number => left.filter(each => each.endsWith(end)).length
      expect([count('/seal'), count('/closed')]).toEqual([count('/plan'), count('/plan')])
    }
    // All of it happened: else the orders were not worth much.
    expect(outcomes.get('backup')).toBe(16)
    expect(outcomes.get('closed')).toBeGreaterThan(1)
    expect(outcomes.get('planned')).toBeGreaterThan(1)
    expect(['backup', 'closed', 'none', 'planned']).toEqual(
      expect.arrayContaining([...outcomes.keys()]),
    )
  })
})
