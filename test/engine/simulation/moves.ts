import type { Input, Outcome } from '../../../src/engine/protocol.ts'
import type { Entry } from './live.ts'
import { type Invariant, violation } from './violation.ts'

/** The log of a life as the model reads it, from front to back. */
export interface Moves {
  /** Takes the step's request, which has to be the next thing that happened; its id. */
  takeRequest(expected: {
    readonly step: string
    readonly host: string
    readonly args: unknown
  }): number
  /** Takes the step's question; its id. */
  takeConfirm(step: string): number
  /** Takes the next answer or signal; everything asked must have been expected. */
  takeInput(): Input
  /** The run is over here, in the log too. */
  atEnd(): void
  /** The life ended before the run did: nothing more can be said of it. */
  readonly wasCutOff: (thrown: unknown) => boolean
}

export function createMoves(log: readonly Entry[], died: boolean): Moves {
  const moves = log.filter(entry => entry.kind !== 'event')
  const cutOff = new Error('cut off')
  const seen = new Set<number>()
  let at = 0
  const faultAt = (what: string): Error => {
    const move = moves[at]
    if (move === undefined && died) return cutOff
    return violation(labelOf(what, move), `${what}, but ${describe(move)}`)
  }
  return Object.freeze({
    takeRequest: expected => {
      const move = moves[at]
      const told = `${expected.step} on ${expected.host} ${JSON.stringify(expected.args)}`
      if (move?.kind !== 'request' || move.request.kind !== 'perform') {
        throw faultAt(`expected ${told}`)
      }
      const { ref, args, id } = move.request
      const same =
        ref.step === expected.step &&
        ref.host === expected.host &&
        JSON.stringify(args) === JSON.stringify(expected.args)
      if (!same) throw faultAt(`expected ${told}`)
      if (seen.has(id)) throw violation('order', `request ${id} is made twice`)
      seen.add(id)
      at += 1
      return id
    },
    takeConfirm: step => {
      const move = moves[at]
      if (move?.kind !== 'request' || move.request.kind !== 'confirm') {
        throw faultAt(`expected the question of ${step}`)
      }
      if (move.request.step !== step) throw faultAt(`expected the question of ${step}`)
      at += 1
      return move.request.id
    },
    takeInput: () => {
      const move = moves[at]
      if (move?.kind !== 'input') throw faultAt('expected nothing more before an answer')
      at += 1
      return move.input
    },
    atEnd: () => {
      if (moves[at] !== undefined) throw faultAt('expected the end of the run')
    },
    wasCutOff: (thrown: unknown) => thrown === cutOff,
  } satisfies Moves)
}

function describe(move: Entry | undefined): string {
  if (move === undefined) return 'the run is over'
  if (move.kind === 'input') {
    const { input } = move
    return `the next is the input ${input.kind} ${'id' in input ? input.id : ''}`
  }
  if (move.kind === 'event') return `the next is ${move.event.event}`
  const { request } = move
  if (request.kind === 'confirm') return `it asks the question of ${request.step}`
  return `it asks for ${request.ref.step} on ${request.ref.host} ${JSON.stringify(request.args)}`
}

/** Which promise is broken, by the sections that what was expected and what came belong to. */
function labelOf(expected: string, move: Entry | undefined): Invariant {
  const text = `${expected} ${describe(move)}`
  if (/\/(rollback|release)\b/.test(text)) return 'owed'
  if (/\/(always|rescue)\//.test(text)) return 'always'
  return 'order'
}

/** What an answer says of a step: the model's own reading of the keywords. */
export type Ending = 'ok' | 'changed' | 'failed' | 'unreachable' | 'skipped'

export function endingOf(outcome: Outcome, failedWhen: boolean): Ending {
  if (outcome.status === 'unreachable') return 'unreachable'
  const code = outcome.result['rc']
  const failed = failedWhen ? typeof code !== 'number' || code > 3 : outcome.status === 'failed'
  if (failed) return 'failed'
  return outcome.status === 'changed' ? 'changed' : 'ok'
}
