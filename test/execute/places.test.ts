import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/engine/protocol.ts'
import { type DriverOptions, drive, type Performer } from '../../src/execute/driver.ts'
import { createPlaces } from '../../src/execute/places.ts'
import type { Task } from '../../src/runbook/contract.ts'
import { programOf, type StepText } from '../engine/simulate.ts'

const step = (id: string, throttle?: number) => ({
  ref: { step: id },
  ...(throttle === undefined ? {} : { throttle }),
})
const settled = () => new Promise(resolve => setImmediate(resolve))

describe('places among the steps under way', () => {
  it('are given in the order of asking', async () => {
    const places = createPlaces(1)
    const entered: string[] = []
    const first = await places.take(step('a'))
    for (const name of ['b', 'c']) {
      void places.take(step(name)).then(place => {
        entered.push(name)
        place.leave()
      })
    }
    await settled()
    expect(entered).toEqual([])
    first.leave()
    await settled()
    expect(entered).toEqual(['b', 'c'])
  })

  it('are kept by who goes on, also from one throttle to another that is free', async () => {
    const places = createPlaces(1)
    let waited = false
    const first = await places.take(step('a', 1))
    void places.take(step('b')).then(() => {
      waited = true
    })
    const second = await places.goOn(await places.goOn(first, step('a', 1)), step('c', 1))
    await settled()
    expect(waited).toBe(false)
    second.leave()
    await settled()
    expect(waited).toBe(true)
  })

  it('are left by who goes on into a throttle that is taken: nobody waits for somebody who waits', async () => {
    const places = createPlaces(2)
    const entered: string[] = []
    const inA = await places.take(step('a', 1))
    const inB = await places.take(step('b', 1))
    void places.goOn(inA, step('b', 1)).then(() => entered.push('a to b'))
    void places.goOn(inB, step('a', 1)).then(() => entered.push('b to a'))
    await settled()
    expect(entered.sort()).toEqual(['a to b', 'b to a'])
  })

  it('hold a throttle before they hold a place', async () => {
    const places = createPlaces(2)
    const entered: string[] = []
    await places.take(step('slow', 1))
    void places.take(step('slow', 1)).then(() => entered.push('slow'))
    void places.take(step('other')).then(() => entered.push('other'))
    await settled()
    expect(entered).toEqual(['other'])
  })
})

/** Drives steps of which every task has some further keywords; each takes until the next look. */
async function driven(
  steps: readonly StepText[],
  keywords: Partial<Task>,
  more: Partial<DriverOptions> & { readonly answer?: (nth: number) => Partial<Outcome> },
) {
  const program = programOf({ hosts: ['a', 'b'], plays: [steps] })
  for (const task of program.tasks.values()) Object.assign(task, keywords)
  const told: string[] = []
  let now = 0
  let under = 0
  let most = 0
  let nth = 0
  const performer: Performer = {
    confirm: async () => true,
    perform: async ({ ref }) => {
      most = Math.max(most, ++under)
      told.push(`${ref.host} ${ref.name}${ref.item === undefined ? '' : ` ${ref.item.label}`}`)
      await settled()
      now += 7
      under -= 1
      nth += 1
      return { status: 'changed', result: {}, ...more.answer?.(nth) }
    },
  }
  const events: unknown[] = []
  await drive({
    program,
    performer,
    tell: event => events.push(event),
    clock: {
      now: () => new Date(now),
      monotonicMs: () => now,
      sleep: async ms => {
        told.push(`${ms} ms`)
        now += ms
      },
    },
    forks: 1,
    started: { event: 'run.resumed', how: 'resume' },
    ...more,
  })
  return { told, most, events }
}

describe('a driven run', () => {
  const loop = [{ name: 's', loop: ['1', '2'] }]

  it('goes through all items of a host before the next, where one at a time is', async () => {
    const { told } = await driven(loop, {}, { forks: 1 })
    expect(told).toEqual(['a s 1', 'a s 2', 'b s 1', 'b s 2'])
  })

  it('keeps to the throttle of a task, whatever the forks', async () => {
    expect((await driven(loop, {}, { forks: 9 })).most).toBe(2)
    expect((await driven(loop, { throttle: 1 }, { forks: 9 })).most).toBe(1)
  })

  it('waits between items, and does not count it', async () => {
    const { told, events } = await driven(
      loop,
      { loopControl: { loopVar: 'item', pause: 3 } },
      { forks: 1 },
    )
    expect(told).toEqual(['a s 1', '3000 ms', 'a s 2', 'b s 1', '3000 ms', 'b s 2'])
    const durations = events.flatMap(event => {
      const { duration_ms: ms } = event as { readonly duration_ms?: number }
      return ms === undefined ? [] : [ms]
    })
    expect(durations).toEqual([7, 7, 7, 7])
  })

  it('waits for nothing that is known already', async () => {
    const answered: string[] = []
    const performer: Performer = {
      confirm: async () => true,
      knows: ({ ref }) => ref.host === 'a',
      perform: async ({ ref }) => {
        answered.push(ref.host)
        return { status: 'ok', result: {} }
      },
    }
    const pause = { loopControl: { loopVar: 'item', pause: 3 } }
    const { told } = await driven(loop, pause, { performer })
    expect(answered).toEqual(['a', 'a', 'b', 'b'])
    expect(told).toEqual(['3000 ms'])
  })

  it('owes for a step that began, though a further try of it never did', async () => {
    const steps: readonly StepText[] = [
      { name: 's', rollback: { name: 'back' }, failedWhen: ['true'] },
    ]
    const answer = (nth: number): Partial<Outcome> =>
      nth === 2 ? { status: 'failed', notBegun: true } : {}
    const again = { retries: 1, delay: 0 } as Partial<Task>
    const program = programOf({ hosts: ['a'], plays: [steps] })
    const [task] = program.tasks.values()
    Object.assign(task ?? {}, again)
    const performed: string[] = []
    await drive({
      program,
      performer: {
        confirm: async () => true,
        perform: async ({ ref }) => {
          performed.push(ref.name)
          return { status: 'changed', result: {}, ...answer(performed.length) }
        },
      },
      tell: () => {},
      clock: { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => {} },
      forks: 1,
      started: { event: 'run.resumed', how: 'resume' },
    })
    expect(performed).toEqual(['s', 's', 'back'])
  })
})
