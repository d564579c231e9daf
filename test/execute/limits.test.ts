import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import type { Outcome } from '../../src/engine/protocol.ts'
import type { EngineEvent } from '../../src/events/events.ts'
import { drive, type Performer, type PerformRequest } from '../../src/execute/driver.ts'
import { graceMs, performWithin } from '../../src/execute/limits.ts'
import { programOf, type StepText } from '../engine/simulate.ts'

/** A clock that stands still until it is moved; open timers can be counted. */
function handClock(): Clock & { move(milliseconds: number): Promise<void>; timers(): number } {
  let now = 0
  const open = new Set<{ readonly atMs: number; readonly ring: () => void }>()
  return {
    now: () => new Date(now),
    monotonicMs: () => now,
    timers: () => open.size,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const timer = { atMs: now + milliseconds, ring: resolve }
        open.add(timer)
        signal?.addEventListener('abort', () => {
          open.delete(timer)
          reject(signal.reason)
        })
      }),
    move: async milliseconds => {
      now += milliseconds
      for (const timer of [...open].filter(each => each.atMs <= now)) {
        open.delete(timer)
        timer.ring()
      }
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}

const late = new BkpError('step.timeout', 'took longer than 30m')
const changed: Outcome = { status: 'changed', result: {} }
const never = new Promise<never>(() => {})

describe('the time of a step', () => {
  it('is not noticed when the step ends in time, and leaves no timer', async () => {
    const clock = handClock()
    const limit = { milliseconds: 1000, error: late }
    expect(await performWithin({ clock, signals: [], limit }, async () => changed)).toBe(changed)
    expect(clock.timers()).toBe(0)
  })

  it('ends the step, and its end tells what was too long', async () => {
    const clock = handClock()
    const limit = { milliseconds: 1000, error: late }
    const ending = performWithin({ clock, signals: [], limit }, async signal => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      return {
        status: 'failed',
        result: { rc: 1 },
        failure: { code: 'step.cancelled', message: '' },
      }
    })
    await clock.move(999)
    await clock.move(1)
    expect(await ending).toMatchObject({
      status: 'failed',
      result: { rc: 1 },
      failure: { code: 'step.timeout', message: 'took longer than 30m' },
    })
    expect(clock.timers()).toBe(0)
  })

  it('may be longer than any timer', async () => {
    const clock = handClock()
    let told = false
    const limit = { milliseconds: 2 ** 31 + 5, error: late }
    void performWithin({ clock, signals: [], limit }, async signal => {
      signal.addEventListener('abort', () => {
        told = true
      })
      return await never
    })
    await clock.move(2 ** 31 - 1)
    expect(told).toBe(false)
    await clock.move(6)
    expect(told).toBe(true)
  })

  it('counts for nothing when the step did what it was to do', async () => {
    const clock = handClock()
    const limit = { milliseconds: 1, error: late }
    const ending = performWithin({ clock, signals: [], limit }, async signal => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      return changed
    })
    await clock.move(1)
    expect(await ending).toBe(changed)
  })

  it('is over for a step that does not end when told to, after a grace', async () => {
    const clock = handClock()
    const limit = { milliseconds: 1, error: late }
    let outcome: Outcome | undefined
    void performWithin({ clock, signals: [], limit }, () => never).then(given => {
      outcome = given
    })
    await clock.move(1)
    await clock.move(graceMs - 1)
    expect(outcome).toBeUndefined()
    await clock.move(1)
    expect(outcome?.failure?.code).toBe('step.timeout')
    expect(clock.timers()).toBe(0)
  })
})

/** Drives steps; each waits until the test ends it, or it is told to end. */
function driving(steps: readonly StepText[], options: { readonly forks: number }) {
  const begun: string[] = []
  const events: EngineEvent[] = []
  const open = new Map<string, () => void>()
  const performer: Performer = {
    confirm: async () => true,
    perform: async ({ ref }: PerformRequest, { signal }) => {
      if (signal.aborted) {
        const failure = { code: 'step.cancelled', message: 'never began' }
        return { status: 'failed', result: {}, failure, notBegun: true }
      }
      const key = `${ref.host} ${ref.name}`
      begun.push(key)
      return await new Promise<Outcome>(resolve => {
        open.set(key, () => resolve(changed))
        const failure = { code: 'step.cancelled', message: 'ended' }
        signal.addEventListener('abort', () => resolve({ status: 'failed', result: {}, failure }))
      })
    },
  }
  let cancel: (level: 1 | 2) => void = () => {}
  const state = drive({
    program: programOf({ hosts: ['a', 'b'], plays: [steps] }),
    performer,
    tell: event => events.push(event),
    clock: handClock(),
    forks: options.forks,
    started: { event: 'run.resumed', how: 'resume' },
    onCancel: callback => {
      cancel = callback
    },
  })
  const settled = () => new Promise(resolve => setImmediate(resolve))
  return {
    begun,
    events,
    state,
    cancel: (level: 1 | 2) => cancel(level),
    async end(...keys: readonly string[]) {
      for (const key of keys) {
        await settled()
        open.get(key)?.()
      }
      await settled()
    },
  }
}

describe('a signal', () => {
  const steps: readonly StepText[] = [
    {
      block: [{ name: 'hold', release: { name: 'let go' } }, { name: 'next' }],
      always: [{ name: 'tidy' }],
    },
  ]

  it('keeps steps from starting that waited for their turn: they owe nothing', async () => {
    const run = driving(steps, { forks: 1 })
    await run.end()
    expect(run.begun).toEqual(['a hold'])
    run.cancel(1)
    await run.end('a tidy', 'b tidy', 'a let go')
    expect((await run.state).exitCode).toBe(130)
    expect(run.begun).toEqual(['a hold', 'a tidy', 'b tidy', 'a let go'])
    expect(run.events).toContainEqual(
      expect.objectContaining({ event: 'settled', outcome: 'dropped', hosts: ['b'] }),
    )
  })

  it('does not end what cleans up, and a second one ends all but releases', async () => {
    const run = driving(steps, { forks: 2 })
    await run.end()
    run.cancel(1)
    await run.end('a tidy')
    run.cancel(2)
    await run.end('a let go')
    run.cancel(2)
    await run.end('b let go')
    expect((await run.state).exitCode).toBe(130)
    expect(run.begun.filter(key => key.endsWith('next'))).toEqual([])
    const failed = run.events.filter(event => event.event === 'step.finished' && event.failure)
    expect(failed.map(event => ('host' in event ? `${event.host} ${event.name}` : ''))).toEqual([
      'a hold',
      'b hold',
      'b tidy',
    ])
  })
})
