import pLimit from 'p-limit'
import type { Clock } from '../base/clock.ts'
import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { orAbort } from '../connection/abort.ts'
import { advance } from '../engine/advance.ts'
import { censorEvent } from '../engine/censor.ts'
import type { Program } from '../engine/program.ts'
import type { Inheritance, Input, Outcome, Request } from '../engine/protocol.ts'
import { initialState, type State } from '../engine/state.ts'
import type { EngineEvent, EventSink, RunEvent } from '../events/events.ts'
import { createCancellation } from './cancellation.ts'
import { performWithin } from './limits.ts'
import { outcomeOfError } from './outcome.ts'
import { createStepTimes } from './play-time.ts'
import { createProgress } from './progress.ts'

export type PerformRequest = Extract<Request, { kind: 'perform' }>
export type ConfirmRequest = Extract<Request, { kind: 'confirm' }>

/** Takes events as the engine makes them. */
export type Teller = (event: EngineEvent) => void

/** Answers the interpreter's requests: by doing them, or by predicting what doing them would give. */
export interface Performer {
  perform(request: PerformRequest, io: Io, tell: Teller): Promise<Outcome>
  /** A question that the signal ends is not granted. */
  confirm(request: ConfirmRequest, signal: AbortSignal): Promise<boolean>
}

export interface DriverOptions {
  readonly program: Program
  readonly performer: Performer
  readonly tell: Teller
  readonly clock: Clock
  /** Steps under way at a time. */
  readonly forks: number
  /** Told first: `run.started`, or `run.resumed`. */
  readonly started: EngineEvent
  /** Where to begin, when not at the beginning. */
  readonly initial?: State
  /** What earlier attempts of the run still owe. */
  readonly inherited?: Inheritance
  /** Levels of cancellation as they come (SIGINT once, twice). */
  readonly onCancel?: (cancel: (level: 1 | 2) => void) => void
}

/**
 * Runs the interpreter to its end and resolves to its last state. `run.finished` is left to the
 * caller, who knows when the run is really over.
 */
export async function drive(options: DriverOptions): Promise<State> {
  const { program, performer, clock } = options
  const times = createStepTimes(program, clock)
  const tell: Teller = event => {
    times.observe(event)
    options.tell(censorEvent(event, step => program.tasks.get(step)))
  }
  const limit = pLimit(options.forks)
  const cancellation = createCancellation()
  let questions = new AbortController()
  let state = options.initial ?? initialState()

  const finished = new Promise<State>((resolve, reject) => {
    const feed = (input: Input): void => {
      try {
        const next = advance(program, state, input)
        state = next.state
        for (const event of next.events) {
          if (event.event !== 'run.finished') tell(event)
        }
        for (const request of next.requests) void answer(request)
        if (state.finished) resolve(state)
      } catch (thrown) {
        reject(asBkpError(thrown))
      }
    }
    const answer = async (request: Request): Promise<void> => {
      try {
        if (request.kind === 'confirm') {
          feed({ kind: 'confirmed', id: request.id, granted: await ask(request) })
        } else {
          const outcome = await limit(() => performTimed(request))
          feed({ kind: 'performed', id: request.id, outcome })
        }
      } catch (thrown) {
        reject(asBkpError(thrown))
      }
    }
    const ask = async (request: ConfirmRequest): Promise<boolean> => {
      const { signal } = questions
      try {
        return await orAbort(performer.confirm(request, signal), signal)
      } catch (thrown) {
        if (signal.aborted) return false
        throw thrown
      }
    }
    const performTimed = async (request: PerformRequest): Promise<Outcome> => {
      const startedMs = clock.monotonicMs()
      // A step that waited until now is asked for all the same: what an earlier attempt of the run
      // did of it is known to the performer alone, and counts.
      const outcome = await performWithin(
        {
          clock,
          signals: [cancellation.signalFor(request.part ?? 'main')],
          limit: times.limit(request),
        },
        signal => perform(request, signal),
      )
      return { ...outcome, durationMs: Math.round(clock.monotonicMs() - startedMs) }
    }
    const perform = async (request: PerformRequest, signal: AbortSignal): Promise<Outcome> => {
      const counting = createProgress(request.ref, clock, tell)
      const io: Io = { signal, progress: counting.progress }
      try {
        return await performer.perform(request, io, tell)
      } catch (thrown) {
        return outcomeOfError(thrown, request)
      } finally {
        counting.flush()
      }
    }
    options.onCancel?.(level => {
      cancellation.cancel(level)
      feed({ kind: 'cancel', level })
      // Whoever is asked something does not hold up what has to be put right.
      questions.abort()
      questions = new AbortController()
    })
    tell(options.started)
    feed({
      kind: 'start',
      ...(options.inherited === undefined ? {} : { inherited: options.inherited }),
    })
  })
  return await finished
}

/** Numbers and dates events on their way out. */
export function createTeller(options: {
  readonly run: string
  readonly clock: Clock
  readonly sink: EventSink
  /** Events of this run there are already. */
  readonly after?: number
}): Teller {
  let seq = options.after ?? 0
  return event => {
    seq += 1
    const time = options.clock.now().toISOString()
    options.sink({ seq, time, run: options.run, ...event } as RunEvent)
  }
}
