import type { Clock } from '../../../src/base/clock.ts'

interface Timer {
  readonly at: number
  fire(): void
}

/** Turns of the event loop in which everything that is in memory has long come to rest. */
const restTurns = 60

/**
 * A clock that jumps to the next timer whenever nothing else has happened for a while: hours pass in
 * milliseconds, and in the order in which they would.
 */
export function autoClock(): Clock {
  const timers = new Set<Timer>()
  let now = 0
  let turns = 0
  let isTicking = false

  function tick(): void {
    if (timers.size === 0) {
      isTicking = false
      return
    }
    turns += 1
    if (turns > restTurns) {
      turns = 0
      const [first] = [...timers].toSorted((one, other) => one.at - other.at)
      if (first !== undefined) {
        timers.delete(first)
        now = Math.max(now, first.at)
        first.fire()
      }
    }
    setImmediate(tick)
  }

  return Object.freeze({
    now: () => new Date(Date.UTC(2026, 0, 1) + now),
    monotonicMs: () => now,
    sleep: (milliseconds, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason as Error)
          return
        }
        const cancel = () => {
          timers.delete(timer)
          reject(signal?.reason as Error)
        }
        const timer = {
          at: now + milliseconds,
          fire: () => {
            signal?.removeEventListener('abort', cancel)
            resolve()
          },
        }
        signal?.addEventListener('abort', cancel, { once: true })
        timers.add(timer)
        turns = 0
        if (!isTicking) {
          isTicking = true
          setImmediate(tick)
        }
      }),
  } satisfies Clock)
}
