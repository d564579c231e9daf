import { asBkpError } from '../base/errors.ts'
import type { Scope } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import type { Confirm, Task } from '../runbook/contract.ts'
import { evaluateAll } from './conditions.ts'
import { taskAt } from './program.ts'
import type { Frame, TaskFrame } from './state.ts'
import { enterLane, type Turn } from './turn.ts'
import { displayName, hostScope } from './variables.ts'

/** Asks the question of a destructive play or task; nothing goes on until it is answered. */
export function ask(turn: Turn, step: string, confirm: Confirm, scope: Scope): void {
  const word = confirm.type === undefined ? {} : { word: text(confirm.type, scope) }
  put(turn, step, text(confirm.question, scope), word)
}

/** Asks the task's own question, where it may run at all; in other lanes it is not asked again. */
export function askConfirmation(
  turn: Turn,
  task: Task,
  hosts: readonly string[],
  scope: Scope,
): void {
  if (task.confirm === undefined || turn.state.granted.includes(task.id)) return
  if (mayRun(turn, task, hosts)) ask(turn, task.id, task.confirm, scope)
}

/** False only when every host is certain to skip the task. */
function mayRun(turn: Turn, task: Task, hosts: readonly string[]): boolean {
  if (task.loop !== undefined) return true
  return hosts.some(host => {
    const verdict = evaluateAll(task.when, hostScope(turn.program, turn.state, host, task))
    return verdict.kind !== 'value' || verdict.value !== false
  })
}

/** Asks whether a task is to be done at all (`--step`). */
export function askStep(turn: Turn, task: Task, scope: Scope): void {
  const name = displayName(task.name, scope) ?? task.module
  put(turn, task.id, `Perform task: ${name}`, { stepwise: true })
}

function put(
  turn: Turn,
  step: string,
  question: string,
  how: { readonly word?: string; readonly stepwise?: true },
): void {
  const id = turn.state.nextRequest++
  const { word, stepwise } = how
  turn.state.confirmation = { request: id, step, ...(stepwise ? { stepwise } : {}) }
  turn.events.push({
    event: 'confirm.asked',
    step,
    question,
    ...(word === undefined ? {} : { word }),
    ...(stepwise === undefined ? {} : { stepwise }),
  })
  turn.requests.push({ kind: 'confirm', id, step, question, ...how })
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
 * Takes the answer; a denial stops the run as a cancellation does, one of `--step` leaves its task out. In
 * a run that is being cancelled it only says that nobody waited for the answer.
 */
export function answer(turn: Turn, id: number, granted: boolean | 'all'): void {
  const { state } = turn
  const { confirmation } = state
  if (confirmation?.request !== id) return
  const { step, stepwise } = confirmation
  turn.events.push({ event: 'confirm.answered', step, granted: granted !== false })
  state.confirmation = null
  if (granted === 'all') state.stepAll = true
  const frame = waiting(turn, step)
  if (granted !== false) {
    if (!stepwise) state.granted = [...state.granted, step]
    else if (frame !== undefined) askOwnQuestion(turn, frame.id, frame.hosts)
    return
  }
  if (frame !== undefined) frame.denied = true
  if (stepwise || state.cancelled > 0) return
  state.refused = true
  state.cancelled = 1
}

function askOwnQuestion(turn: Turn, id: string, hosts: readonly string[]): void {
  const task = taskAt(turn.program, id)
  const [first] = hosts
  if (task === undefined || first === undefined) return
  askConfirmation(turn, task, hosts, hostScope(turn.program, turn.state, first, task))
}

/** The task that waits for the answer, in whichever lane. */
function waiting(turn: Turn, step: string): TaskFrame | undefined {
  const asker = turn.state.lanes.findIndex(({ stack }) => isWaiting(stack.at(-1), step))
  if (asker >= 0) enterLane(turn, asker)
  const top = turn.stack.at(-1)
  return isWaiting(top, step) ? top : undefined
}

function isWaiting(frame: Frame | undefined, step: string): frame is TaskFrame {
  return frame?.kind === 'task' && frame.id === step && !frame.started
}
