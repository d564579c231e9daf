import type { Clock } from '../../base/clock.ts'

/** What is remembered of the answers of a server. */
export interface TimeWatch {
  /** Remembers the `Date` of an answer that came just now. */
  note(date: string | undefined): void
  /** The server's time now: its latest `Date`, and what has passed since. */
  serverTime(): Date | undefined
}

export function createTimeWatch(clock: Clock): TimeWatch {
  let latest: { readonly serverMs: number; readonly hereMs: number } | undefined
  return Object.freeze({
    note: date => {
      const serverMs = Date.parse(date ?? '')
      if (!Number.isNaN(serverMs)) latest = { serverMs, hereMs: clock.monotonicMs() }
    },
    serverTime: () =>
      latest === undefined
        ? undefined
        : new Date(latest.serverMs + clock.monotonicMs() - latest.hereMs),
  } satisfies TimeWatch)
}
