import { asBkpError } from '../base/errors.ts'
import type { Scope } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import type { Confirm } from '../runbook/contract.ts'
import type { Turn } from './turn.ts'

/** Asks the question of a destructive play or task; nothing goes on until it is answered. */
export function ask(turn: Turn, step: string, confirm: Confirm, scope: Scope): void {
  const id = turn.state.nextRequest++
  turn.state.confirmation = { request: id, step }
  const question = text(confirm.question, scope)
  const word = confirm.type === undefined ? {} : { word: text(confirm.type, scope) }
  turn.events.push({ event: 'confirm.asked', step, question, ...word })
  turn.requests.push({ kind: 'confirm', id, step, question, ...word })
}

/** A question that cannot be worded is asked as it is written: better clumsy than not at all. */
function text(tree: Confirm['question'], scope: Scope): string {
  try {
    return String(renderTree(tree, scope))
  } catch (thrown) {
    return `(${asBkpError(thrown).message})`
  }
}

/**
 * Takes the answer; a denial stops the run as a cancellation does. In a run that is being cancelled it
 * only says that nobody waited for the answer.
 */
export function answer(turn: Turn, id: number, granted: boolean): void {
  const { state } = turn
  if (state.confirmation?.request !== id) return
  turn.events.push({ event: 'confirm.answered', step: state.confirmation.step, granted })
  state.confirmation = null
  if (granted) return
  const asking = state.stack.at(-1)
  if (asking?.kind === 'task') asking.denied = true
  if (state.cancelled > 0) return
  state.refused = true
  state.cancelled = 1
}
