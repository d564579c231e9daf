import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'

/**
 * What a failure says about trying again. `final`: no use. `busy`: the server answered and asks for
 * patience. `silent`: no answer came, or only part of one: the request may have taken effect.
 */
export type Verdict = 'final' | 'busy' | 'silent'

/** How patient requests are. */
export interface RetryPolicy {
  /** Longest pause before the second attempt, doubled for each further one. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  /** No attempt begins later than this after the first failure. */
  readonly deadlineMs: number
  /** Attempts at a server that has never answered: a wrong address is told at once. */
  readonly attemptsUnanswered: number
}

export const retryPolicy: RetryPolicy = Object.freeze({
  firstPauseMs: 100,
  longestPauseMs: 10_000,
  deadlineMs: 120_000,
  attemptsUnanswered: 4,
})

export interface RetryTools {
  readonly clock: Clock
  readonly random: RandomBytes
  readonly policy?: RetryPolicy
}

/** Tries requests again; one for each server, since it remembers whether that has ever answered. */
export interface Retrier {
  /**
   * Runs the work until it succeeds, fails finally, or time is up; pauses are capped exponential
   * with full jitter. The work must be safe to repeat: the retrier knows nothing of its effects.
   * @throws the last failure, or the signal's reason at once when it aborts
   */
  run<T>(work: () => Promise<T>, judge: (failure: unknown) => Verdict, io: Io): Promise<T>
}

export function createRetrier({ clock, random, policy = retryPolicy }: RetryTools): Retrier {
  let hasAnswered = false
  return Object.freeze({
    run: async (work, judge, io) => {
      let firstFailureMs: number | undefined
      for (let attempt = 1; ; attempt += 1) {
        io.signal.throwIfAborted()
        try {
          const result = await work()
          hasAnswered = true
          return result
        } catch (failure) {
          io.signal.throwIfAborted()
          const verdict = judge(failure)
          if (verdict !== 'silent') hasAnswered = true
          if (verdict === 'final') throw failure
          if (!hasAnswered && attempt >= policy.attemptsUnanswered) throw failure
          const pauseMs = pauseBefore(attempt, policy, random)
          firstFailureMs ??= clock.monotonicMs()
          if (clock.monotonicMs() - firstFailureMs + pauseMs > policy.deadlineMs) throw failure
          await pause(clock, pauseMs, io)
        }
      }
    },
  } satisfies Retrier)
}

/** Full jitter: anything from nothing to the cap, so that many who failed together part. */
function pauseBefore(attempt: number, policy: RetryPolicy, random: RandomBytes): number {
  const cap = Math.min(policy.longestPauseMs, policy.firstPauseMs * 2 ** (attempt - 1))
  return (Buffer.from(random(4)).readUInt32BE() / 0xffffffff) * cap
}

async function pause(clock: Clock, milliseconds: number, io: Io): Promise<void> {
  try {
    await clock.sleep(milliseconds, io.signal)
  } finally {
    io.signal.throwIfAborted()
  }
}
