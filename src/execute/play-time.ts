import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import { writeDuration } from '../base/units.ts'
import type { Program } from '../engine/program.ts'
import type { EngineEvent } from '../events/events.ts'
import type { PerformRequest } from './driver.ts'
import type { TimeLimit } from './limits.ts'

/** Knows how much time a step has: its own limit, or what is left of its play's. */
export interface StepTimes {
  /** Plays start their time when they are told to start. */
  observe(event: EngineEvent): void
  limit(request: PerformRequest): TimeLimit | undefined
  /** What is left to the step of its play's time. */
  ofPlay(request: PerformRequest): TimeLimit | undefined
}

/** The time of a run's steps. A resumed run gives its plays their whole time again. */
export function createStepTimes(
  program: Pick<Program, 'playbook' | 'mode'>,
  clock: Pick<Clock, 'monotonicMs'>,
): StepTimes {
  const ends = new Map<string, { readonly atMs: number; readonly error: BkpError }>()

  const ofPlay = ({ ref, part = 'main' }: PerformRequest): TimeLimit | undefined => {
    // What rescues and cleans up is not kept from it by the clock.
    if (part !== 'main') return undefined
    const end = ends.get(`/${ref.step.split('/')[1]}`)
    if (end === undefined) return undefined
    return { milliseconds: Math.max(0, end.atMs - clock.monotonicMs()), error: end.error }
  }

  return Object.freeze({
    observe: event => {
      if (event.event !== 'play.started' || program.mode === 'plan') return
      const timeoutMs = program.playbook.plays.find(play => play.id === event.play)?.timeoutMs
      if (timeoutMs === undefined) return
      const message = `play "${event.name}" took longer than ${writeDuration(timeoutMs)}`
      ends.set(event.play, {
        atMs: clock.monotonicMs() + timeoutMs,
        error: new BkpError('step.timeout', message, {
          hint: 'bkp resume goes on where it stopped, with the whole time again; or raise its timeout',
        }),
      })
    },
    ofPlay,
    limit: request => {
      const play = ofPlay(request)
      const timeoutMs = ownLimitMs(request)
      if (timeoutMs === undefined) return play
      if (play !== undefined && play.milliseconds <= timeoutMs) return play
      const message = `took longer than ${writeDuration(timeoutMs)}`
      return {
        milliseconds: timeoutMs,
        error: new BkpError('step.timeout', message, {
          hint: 'whether it took effect is not known; see the host, or raise the timeout of the step',
        }),
      }
    },
  } satisfies StepTimes)
}

/** A step with `async` that is waited for has that many seconds. */
function ownLimitMs({ timeoutMs, async: detached }: PerformRequest): number | undefined {
  if (detached === undefined || detached.poll === 0) return timeoutMs
  return Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, detached.seconds * 1000)
}
