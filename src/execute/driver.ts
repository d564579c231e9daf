import type { Clock } from '../base/clock.ts'
import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { orAbort } from '../connection/abort.ts'
import { advance } from '../engine/advance.ts'
import { censorEvent } from '../engine/censor.ts'
import { type Program, taskAt } from '../engine/program.ts'
import type { Inheritance, Input, Outcome, Request } from '../engine/protocol.ts'
import { initialState, type State } from '../engine/state.ts'
import type { EngineEvent, EventSink, RunEvent } from '../events/events.ts'
import { createCancellation } from './cancellation.ts'
import { performWithin, sleepLong } from './limits.ts'
import { outcomeOfError } from './outcome.ts'
import { createPlaces, type Place } from './places.ts'
import { createStepTimes } from './play-time.ts'
import { createProgress } from './progress.ts'

export type PerformRequest = Extract<Request, { kind: 'perform' }> & {
  /** The step began in an earlier attempt, of which no end is known: what it had journaled. */
  readonly left?: { readonly intent: unknown }
}
export type ConfirmRequest = Extract<Request, { kind: 'confirm' }>

/** Takes events as the engine makes them. */
export type Teller = (event: EngineEvent) => void

/** Answers the interpreter's requests: by doing them, or by predicting what doing them would give. */
export interface Performer {
  perform(request: PerformRequest, io: Io, tell: Teller): Promise<Outcome>
  /** A question that the signal ends is not granted; `all`: the others of `--step` neither. */
  confirm(request: ConfirmRequest, signal: AbortSignal): Promise<boolean | 'all'>
  /** It knows the answer already: there is nothing to wait for before. */
  knows?(request: PerformRequest): boolean
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
    options.tell(censorEvent(event, step => taskAt(program, step)))
  }
  const places = createPlaces(options.forks)
  const begun = createBegun()
  const cancellation = createCancellation()
  let questions = new AbortController()
  let state = options.initial ?? initialState()

  const finished = new Promise<State>((resolve, reject) => {
    const feed = (input: Input, place?: Place): void => {
      let free = place
      try {
        const next = advance(program, state, input)
        state = next.state
        for (const event of next.events) {
          if (event.event !== 'run.finished') tell(event)
        }
        for (const request of next.requests) {
          const goesOn = free !== undefined && continues(request, input)
          void answer(request, goesOn ? free : undefined)
          if (goesOn) free = undefined
        }
        if (state.finished) resolve(state)
      } catch (thrown) {
        reject(asBkpError(thrown))
      } finally {
        free?.leave()
      }
    }
    const answer = async (request: Request, before?: Place): Promise<void> => {
      try {
        if (request.kind === 'confirm') {
          feed({ kind: 'confirmed', id: request.id, granted: await ask(request) })
        } else {
          const place = await (before === undefined
            ? places.take(request)
            : places.goOn(before, request))
          await pause(request)
          const outcome = begun.note(request, await performTimed(request))
          feed({ kind: 'performed', id: request.id, outcome }, place)
        }
      } catch (thrown) {
        reject(asBkpError(thrown))
      }
    }
    const ask = async (request: ConfirmRequest): Promise<boolean | 'all'> => {
      const { signal } = questions
      try {
        return await orAbort(performer.confirm(request, signal), signal)
      } catch (thrown) {
        if (signal.aborted) return false
        throw thrown
      }
    }
    /** A run that is cancelled, and a play whose time is over, wait no longer. */
    const pause = async (request: PerformRequest): Promise<void> => {
      const { delayMs = 0, part = 'main' } = request
      if (delayMs <= 0 || program.mode === 'plan' || performer.knows?.(request)) return
      const leftMs = times.ofPlay(request)?.milliseconds ?? delayMs
      const signal = cancellation.signalFor(part)
      if (signal.aborted) return
      await sleepLong(clock, Math.min(delayMs, leftMs), signal).catch(() => {})
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

/** Whether a request goes on with the host whose step has just ended. */
function continues(request: Request, input: Input): boolean {
  return request.kind === 'perform' && input.kind === 'performed' && request.continues === input.id
}

/**
 * Steps that have begun, of those for which something is owed: a further try that never began owes it all
 * the same.
 */
function createBegun() {
  const begun = new Set<string>()
  return {
    note: (request: PerformRequest, outcome: Outcome): Outcome => {
      if (request.owes !== true) return outcome
      const { step, host, item } = request.ref
      const key = JSON.stringify([step, host, item?.index])
      if (!outcome.notBegun) begun.add(key)
      if (!outcome.notBegun || request.continues === undefined || !begun.has(key)) return outcome
      const { notBegun: _, ...rest } = outcome
      return rest
    },
  }
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
