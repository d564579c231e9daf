import type { Clock } from '../../../src/base/clock.ts'

/** A clock on which waiting takes no time; it knows how long was waited for. */
export interface TestClock extends Clock {
  readonly pauses: number[]
}

export function testClock(): TestClock {
  let nowMs = 0
  const pauses: number[] = []
  return {
    pauses,
    now: () => new Date(Date.UTC(2026, 0, 1) + nowMs),
    monotonicMs: () => nowMs,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted()
      pauses.push(milliseconds)
      nowMs += milliseconds
    },
  }
}
