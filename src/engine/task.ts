import type { Task } from '../runbook/contract.ts'
import { startTask } from './enter-task.ts'
import { handlersOf, notify } from './handlers.ts'
import { putIn } from './including.ts'
import { delegateOf } from './manner.ts'
import { disown } from './owe.ts'
import { taskAt } from './program.ts'
import type { Outcome } from './protocol.ts'
import { type Aggregate, aggregate, isCancelled, isStale } from './result.ts'
import { wantsAnotherTry } from './retry.ts'
import { markRun } from './roles.ts'
import { announceSettled } from './settled.ts'
import type { BlockFrame, ItemResult, Owed, TaskFrame, Unit } from './state.ts'
import { refOf } from './step-ref.ts'
import { stopAtTooMany } from './too-many.ts'
import {
  countStep,
  enclosingBlocks,
  factsToWrite,
  isRescuable,
  isTransparent,
  lose,
  runningTask,
  type Turn,
} from './turn.ts'
import { advanceUnit, ignoresErrors, isBroken, itemAt, tryAgain } from './unit.ts'
import { hostScope, type LoopItem } from './variables.ts'

/** True when nothing of the task is outstanding; starts it where it has not begun. */
export function isTaskDone(turn: Turn, frame: TaskFrame): boolean {
  const task = taskOf(turn, frame)
  if (!frame.started) startTask(turn, frame, task)
  return frame.units.every(unit => unit.done)
}

/** Takes the answer to a request: one item of one unit is over. */
export function performed(turn: Turn, request: number, outcome: Outcome): void {
  const frame = runningTask(turn)
  const index = frame?.units.findIndex(unit => unit.request === request) ?? -1
  const found = frame?.units[index]
  if (frame === undefined || found === undefined) return
  const unit: Unit = { ...found, results: [...found.results] }
  frame.units[index] = unit
  const task = taskOf(turn, frame)
  unit.request = null
  const item = itemOf(task, frame, unit)
  const trial = wantsAnotherTry(turn, frame, task, unit, item, outcome)
  if (trial.again) {
    tryAgain(turn, frame, task, unit, item)
    // What the runbook has wrong may keep it from being tried: then it is over.
    if (unit.request !== null) return
  } else {
    finishItem(turn, frame, task, unit, outcome, trial.judged)
  }
  if (isBroken(turn, task, unit, item)) unit.done = true
  else advanceUnit(turn, frame, task, unit)
}

/** The item that the last answer was about. */
function itemOf(task: Task, frame: TaskFrame, unit: Unit): LoopItem | undefined {
  return itemAt(task, frame, unit, unit.nextItem - 1)
}

function finishItem(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  outcome: Outcome,
  result: ItemResult,
): void {
  const item = itemOf(task, frame, unit)
  const scope = hostScope(turn.program, turn.state, unit.host, task, item)
  const delegate = task.delegateFacts ? delegateOf(task, unit.host, scope) : undefined
  const judged = delegate === undefined ? result : { ...result, delegate }
  unit.results.push(judged)
  const failed = judged.status === 'failed' || judged.status === 'unreachable'
  const ignored =
    (judged.status === 'unreachable' && task.ignoreUnreachable === true) ||
    (judged.status === 'failed' &&
      !isCancelled(judged.outcome?.failure) &&
      !isStale(judged.outcome?.failure) &&
      ignoresErrors(task, scope))
  turn.events.push({
    event: 'step.finished',
    ...refOf(frame.settles, task, unit, item, scope),
    status: ignored ? 'ignored' : judged.status,
    ...(outcome.withheld ? { withheld: true } : { result: judged.result }),
    ...(outcome.message === undefined ? {} : { message: outcome.message }),
    ...(failed && judged.outcome?.failure !== undefined ? { failure: judged.outcome.failure } : {}),
    ...(outcome.durationMs === undefined ? {} : { duration_ms: outcome.durationMs }),
    ...(outcome.replayed ? { replayed: true } : {}),
  })
  if (outcome.notBegun) disown(turn, task, unit, item)
}

/** The barrier: registers results, counts, and takes lost hosts out of the block around. */
export function finishTask(turn: Turn, frame: TaskFrame): void {
  const task = taskOf(turn, frame)
  turn.stack.pop()
  const [block] = enclosingBlocks(turn)
  if (block === undefined) throw new Error(`task ${task.id} stands outside of any block`)
  markRun(turn, frame.units)
  let anyLost = false
  const unsettledHosts: string[] = []
  for (const unit of frame.units) {
    // An abandoned unit never ran: nothing to register or count.
    if (unit.results.length === 0 && unit.items?.length !== 0) continue
    const total = aggregate(turn, task, unit)
    register(turn, task, unit, total)
    const ignored = isIgnored(turn, task, unit, total)
    // What will be tried again has not failed yet.
    const again = frame.settles !== null && frame.settles.attempts < settlingAttempts
    if (total.failed && !ignored && again) {
      unsettledHosts.push(...unit.speaksFor)
      continue
    }
    if (!task.implicit) count(turn, frame, unit, total, ignored)
    if (!total.failed && total.changed) notifyFrom(turn, task, unit)
    if (!total.failed || ignored) continue
    if (total.refusal && !isRescuable(turn)) turn.state.refused = true
    if (frame.settles !== null) {
      unsettledHosts.push(...unit.speaksFor)
      continue
    }
    remember(turn, task, unit, total)
    loseUnit(block, unit, total)
    loseDelegates(turn, block, unit)
    anyLost = true
  }
  if (anyLost && task.anyErrorsFatal) carryAlong(turn)
  if (anyLost) stopAtTooMany(turn)
  if (frame.settles !== null) settleOwed(turn, frame.settles, block, unsettledHosts)
  if (task.include !== undefined) putIn(turn, frame)
}

function isIgnored(turn: Turn, task: Task, unit: Unit, total: Aggregate): boolean {
  if (!total.failed) return false
  if (total.unreachable) return task.ignoreUnreachable === true
  if (unit.results.some(result => isStale(result.outcome?.failure))) return false
  return ignoresErrors(task, scopeOf(turn, unit, task))
}

/** `any_errors_fatal`: the hosts of the block of the playbook go with those that failed. */
function carryAlong(turn: Turn): void {
  for (const frame of enclosingBlocks(turn)) {
    for (const host of frame.active) lose(frame, host, 'carried_along')
    if (!isTransparent(turn, frame)) return
  }
}

/** Handlers run where a step changed something; a cluster step's on all of its hosts. */
function notifyFrom(turn: Turn, task: Task, unit: Unit): void {
  if (task.notify === undefined) return
  const hosts = task.scope === 'cluster' ? unit.speaksFor : [unit.host]
  for (const { item, status, uncertain } of unit.results) {
    if (status !== 'changed') continue
    const scope = hostScope(turn.program, turn.state, unit.host, task, item)
    notify(turn, handlersOf(turn, task, scope), hosts, uncertain)
  }
}

function loseUnit(block: BlockFrame, unit: Unit, total: Aggregate): void {
  for (const host of unit.speaksFor) {
    const own = host === (total.blame ?? unit.host)
    lose(block, host, own ? (total.unreachable ? 'unreachable' : 'failed') : 'carried_along')
  }
}

/** A delegate that could not be reached is out as well: its own steps would only wait for it again. */
function loseDelegates(turn: Turn, block: BlockFrame, unit: Unit): void {
  for (const { outcome } of unit.results) {
    const down = outcome?.delegateDown
    if (down === undefined || !block.active.includes(down) || block.lost[down] !== undefined)
      continue
    lose(block, down, 'unreachable')
    turn.events.push({
      event: 'notice',
      level: 'warning',
      message: `${down} is left out from here on: it could not be reached for a step of ${unit.host}`,
    })
  }
}

/** How often settling something is tried before it is given up as still owed. */
const settlingAttempts = 3

/** Hosts on which settling failed are tried again; given up, they still owe it. */
function settleOwed(turn: Turn, owed: Owed, block: BlockFrame, failedHosts: string[]): void {
  const ran = owed.hosts.filter(host => !failedHosts.includes(host))
  if (ran.length > 0) announceSettled(turn, { ...owed, hosts: ran }, 'ran')
  if (failedHosts.length === 0) return
  const rest = { ...owed, hosts: failedHosts }
  if (owed.attempts < settlingAttempts) {
    block.owed.push(rest)
    return
  }
  turn.state.unsettled = [...turn.state.unsettled, rest]
  announceSettled(turn, rest, 'failed')
}

function count(turn: Turn, frame: TaskFrame, unit: Unit, total: Aggregate, ignored: boolean): void {
  const host = total.failed ? (total.blame ?? unit.host) : unit.host
  // As in Ansible each file that is put in counts, rather than the task that does it.
  const included = unit.results.filter(({ include }) => include !== undefined).length
  for (let more = 1; more < included; more += 1) {
    countStep(turn, host, 'ok', { changed: false, rescuable: false })
  }
  const status = ignored
    ? 'ignored'
    : total.unreachable
      ? 'unreachable'
      : total.failed
        ? 'failed'
        : total.skipped
          ? 'skipped'
          : 'ok'
  countStep(turn, host, status, {
    changed: total.changed,
    rescuable: frame.settles === null && isRescuable(turn),
  })
}

function register(turn: Turn, task: Task, unit: Unit, total: Aggregate): void {
  for (const host of unit.speaksFor) {
    const own = task.register === undefined ? {} : { [task.register]: total.registered }
    const facts = total.facts.filter(({ delegate }) => delegate === undefined)
    const known = turn.state.facts.get(host)
    const values = facts.map(fact => fact.values)
    factsToWrite(turn).set(host, Object.assign({}, known, ...values, own))
  }
  for (const { delegate, values } of total.facts) {
    if (delegate === undefined) continue
    factsToWrite(turn).set(delegate, { ...turn.state.facts.get(delegate), ...values })
  }
}

/** What rescue and always may ask about: `ansible_failed_task`, `ansible_failed_result`. */
function remember(turn: Turn, task: Task, unit: Unit, total: Aggregate): void {
  const name = refOf(null, task, unit, undefined, scopeOf(turn, unit, task)).name
  for (const host of unit.speaksFor) {
    factsToWrite(turn).set(host, {
      ...turn.state.facts.get(host),
      ansible_failed_task: { name, action: task.module },
      ansible_failed_result: total.registered,
    })
  }
}

function scopeOf(turn: Turn, unit: Unit, task: Task): ReturnType<typeof hostScope> {
  return hostScope(turn.program, turn.state, unit.host, task)
}

function taskOf(turn: Turn, frame: TaskFrame): Task {
  const task = taskAt(turn.program, frame.id)
  if (task === undefined) throw new Error(`no task ${frame.id}`)
  return task
}
