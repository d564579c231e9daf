import type { Io } from '../base/io.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { ConfirmRequest, Performer, PerformRequest, Teller } from './driver.ts'
import type { Recording } from './recording.ts'

export interface ReplayOptions {
  readonly recording: Recording
  readonly performer: Performer
  /** Asks the module what an interrupted apply left behind; undefined: look anew and do it. */
  readonly recover: (
    request: PerformRequest,
    left: { readonly before: unknown; readonly intent: unknown },
    io: Io,
  ) => Promise<Outcome | undefined>
  /** `abort`: nothing new is begun, what is owed is settled. */
  readonly how: 'resume' | 'abort'
  /** Ends the main part of the run, as a first signal would. */
  readonly cancel: () => void
}

/**
 * Answers from the journal what an earlier attempt of the run has done, and performs the rest. The
 * interpreter does not know the difference: resuming is the same fold over the same answers.
 */
export function createReplayer(options: ReplayOptions): Performer {
  const { recording, performer, recover, how } = options
  const departed = new Set<string>()
  return Object.freeze({
    knows: request => recording.outcome(request.ref) !== undefined && !isStale(request, departed),
    confirm: async (request: ConfirmRequest, signal: AbortSignal) => {
      // What a person left out stays left out.
      const chosen = request.stepwise ? recording.stepwise(request.step) : undefined
      if (chosen !== undefined) return chosen
      if (recording.granted(request.step, request.question)) return true
      // What an abort settles is not for choosing.
      if (how === 'abort') return request.stepwise ? 'all' : false
      return await performer.confirm(request, signal)
    },
    perform: async (request: PerformRequest, io: Io, tell: Teller) => {
      const known = recording.outcome(request.ref)
      const stale = isStale(request, departed)
      if (known !== undefined && !stale) {
        // Its block has failed once: it must not end well now.
        if (how === 'abort' && recording.wasRolledBack(request.ref)) options.cancel()
        return known
      }
      const left = stale ? undefined : recording.interrupted(request.ref)
      if (how === 'abort') {
        // Where the journal ends the run ends: before its blocks can end well and drop what they owe.
        options.cancel()
        if (!isCleanUp(request)) {
          return recording.leftSomething(request.ref) ? wasInterrupted : notBegun
        }
      }
      for (const block of blocksAround(request.ref.step)) departed.add(block)
      if (left !== undefined) {
        // It began in an earlier attempt: told to end before it is looked at, it is still owed for.
        if (io.signal.aborted) return wasInterrupted
        const recovered = await recover(request, left, io)
        if (recovered !== undefined) return recovered
      }
      const again = left === undefined ? request : { ...request, left: { intent: left.intent } }
      const outcome = await performer.perform(again, io, tell)
      if (left === undefined && !recording.leftSomething(request.ref)) return outcome
      // It began in an earlier attempt, for which something is owed whatever comes of this one.
      const { notBegun: _, ...begun } = outcome
      return begun
    },
  } satisfies Performer)
}

const aborted: Outcome = {
  status: 'failed',
  result: {},
  failure: { code: 'step.cancelled', message: 'the run is being aborted' },
}
const notBegun: Outcome = { ...aborted, notBegun: true }
const wasInterrupted: Outcome = {
  ...aborted,
  failure: { code: 'step.cancelled', message: 'it was running when the run was cut off' },
}

/** Rollbacks, releases and the steps of always sections run even in a run that ends. */
function isCleanUp({ ref }: PerformRequest): boolean {
  return ref.settles !== undefined || ref.step.includes('/always/')
}

/**
 * What a rescue, an always, a rollback or a release did belongs to how its block went then. Once the
 * block goes another way, it has to be done again.
 */
function isStale({ ref }: PerformRequest, departed: ReadonlySet<string>): boolean {
  return conditionalBlocks(ref.step).some(block => departed.has(block))
}

/** Ids of the blocks (and the play) around a step, from its own id: `/0/tasks/1/block/0`. */
function blocksAround(step: string): readonly string[] {
  const words = step.split('/').slice(1)
  const blocks: string[] = []
  for (let length = 1; length < words.length; length += 1) {
    if (isSection(words[length])) blocks.push(`/${words.slice(0, length).join('/')}`)
  }
  return blocks
}

/** Of those, the ones in which the step stands in a section that depends on how the main part went. */
function conditionalBlocks(step: string): readonly string[] {
  const words = step.split('/').slice(1)
  const blocks: string[] = []
  for (let length = 1; length < words.length; length += 1) {
    const word = words[length]
    if (word === 'rescue' || word === 'always') blocks.push(`/${words.slice(0, length).join('/')}`)
    if (word === 'rollback' || word === 'release') {
      blocks.push(
        ...blocksAround(words.slice(0, length).reduce((id, part) => `${id}/${part}`, '')).slice(-1),
      )
    }
  }
  return blocks
}

const sections: ReadonlySet<string> = new Set([
  'pre_tasks',
  'roles',
  'tasks',
  'post_tasks',
  'handlers',
  'block',
  'rescue',
  'always',
])

function isSection(word: string | undefined): boolean {
  return word !== undefined && sections.has(word)
}
