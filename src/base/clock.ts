import { randomBytes as nodeRandomBytes } from 'node:crypto'
import { setTimeout as nodeSleep } from 'node:timers/promises'

/** Time as a parameter: real at the edges, virtual in tests. */
export interface Clock {
  now(): Date
  /** Milliseconds from an arbitrary start, never going back. */
  monotonicMs(): number
  /** Waits; rejects when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = Object.freeze({
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (milliseconds: number, signal?: AbortSignal) => {
    await nodeSleep(milliseconds, undefined, signal ? { signal } : {})
  },
})

/** Randomness as a parameter: returns that many random bytes. */
export type RandomBytes = (length: number) => Uint8Array

export const systemRandom: RandomBytes = length => new Uint8Array(nodeRandomBytes(length))

/** `YYYYMMDD_HHMMSS` in UTC: how manifests, sessions and runs are named. */
export function compactTime(date: Date): string {
  const text = date.toISOString()
  return `${text.slice(0, 10).replaceAll('-', '')}_${text.slice(11, 19).replaceAll(':', '')}`
}
