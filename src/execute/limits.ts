import { setMaxListeners } from 'node:events'
import type { Clock } from '../base/clock.ts'
import { asBkpError, type BkpError } from '../base/errors.ts'
import { onAbort } from '../connection/abort.ts'
import type { Outcome } from '../engine/protocol.ts'
import { failureOf } from '../events/failure.ts'

/** A span of time and what is said when it is over. */
export interface TimeLimit {
  readonly milliseconds: number
  readonly error: BkpError
}

/**
 * How long a step that was told to end may take for it: SIGTERM and SIGKILL on the host take 5 s each.
 * After that it is left to itself: a connection that hangs must not hold up what cleans up.
 */
export const graceMs = 12_000

/** No timer takes more at once: a longer one would ring at once. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Performs a step until it ends, one of the signals aborts (its reason says why), or its time is over.
 * A step that ends well after all did what it was to do; any other end is told by the reason.
 */
export async function performWithin(
  options: {
    readonly clock: Clock
    readonly signals: readonly AbortSignal[]
    readonly limit: TimeLimit | undefined
  },
  perform: (signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> {
  const { clock, signals, limit } = options
  const expired = new AbortController()
  const over = new AbortController()
  const [only, ...more] = signals
  // Most steps have no limit and one signal: a composite one costs more than the rest of this together.
  const signal =
    only !== undefined && more.length === 0 && limit === undefined
      ? only
      : AbortSignal.any([...signals, expired.signal])
  setMaxListeners(0, signal)
  if (limit !== undefined && limit.milliseconds <= 0) expired.abort(limit.error)
  else if (limit !== undefined) {
    sleepLong(clock, limit.milliseconds, over.signal).then(
      () => expired.abort(limit.error),
      () => {},
    )
  }
  let forget = (): void => {}
  const givenUp = new Promise<undefined>(resolve => {
    const beginGrace = (): void => {
      sleepLong(clock, graceMs, over.signal).then(
        () => resolve(undefined),
        () => resolve(undefined),
      )
    }
    if (signal.aborted) beginGrace()
    else forget = onAbort(signal, beginGrace)
  })
  try {
    const performing = perform(signal)
    const given = await Promise.race([performing, givenUp])
    return signal.aborted ? asCutShort(given, signal) : (given ?? (await performing))
  } finally {
    forget()
    // With a reason of ours: without one, an exception with its stack is made for each step.
    over.abort(ended)
  }
}

const ended = Symbol('ended')

function asCutShort(outcome: Outcome | undefined, signal: AbortSignal): Outcome {
  if (outcome?.status === 'ok' || outcome?.status === 'changed') return outcome
  const failure = failureOf(asBkpError(signal.reason, 'step.cancelled'))
  if (outcome?.replayed || outcome?.failure?.code === failure.code) return outcome
  if (outcome?.status === 'unreachable' && failure.code === 'step.cancelled') return outcome
  return { ...outcome, status: 'failed', result: outcome?.result ?? {}, failure }
}

/** Sleeps for any time. @throws when the signal aborts */
export async function sleepLong(
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  for (let left = milliseconds; left > 0; left -= longestTimerMs) {
    await clock.sleep(Math.min(left, longestTimerMs), signal)
  }
}

/** The outcome of a step that was told to end before it began: nothing of it is owed. */
export function neverBegan(signal: AbortSignal): Outcome {
  const failure = failureOf(asBkpError(signal.reason, 'step.cancelled'))
  return { status: 'failed', result: {}, failure, notBegun: true }
}
