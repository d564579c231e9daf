import type { Clock } from '../../../../src/base/clock.ts'

/** A clock on which every wait is over at once, and time has passed all the same. */
export function instantClock(): Clock {
  let now = 0
  return {
    now: () => new Date(now),
    monotonicMs: () => now,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted()
      now += milliseconds
    },
  }
}
