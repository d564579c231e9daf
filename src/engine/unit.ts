import { asBkpError, BkpError } from '../base/errors.ts'
import type { Become } from '../connection/contract.ts'
import { failureOf } from '../events/failure.ts'
import type { Scope } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import { renderArguments } from './arguments.ts'
import { becomeOf } from './become.ts'
import { evaluateAll } from './conditions.ts'
import { deadlineOf } from './deadline.ts'
import { handlersOf } from './handlers.ts'
import { includedBy } from './including.ts'
import { delegateOf, manner, secondsOf } from './manner.ts'
import { owe } from './owe.ts'
import type { Part } from './protocol.ts'
import { fromItemsBefore, resultScope } from './result.ts'
import type { ItemResult, TaskFrame, Unit } from './state.ts'
import { refOf } from './step-ref.ts'
import { enclosingBlocks, isWinding, type Turn } from './turn.ts'
import { hostScope, type LoopItem } from './variables.ts'

/** Runs a unit on until it asks for something or is done. */
export function advanceUnit(turn: Turn, frame: TaskFrame, task: Task, unit: Unit): void {
  if (unit.items === null && task.loop !== undefined) {
    const items = loopItems(turn, frame, task, unit)
    if (items === undefined) return
    unit.items = items
  }
  const count = unit.items?.length ?? 1
  while (unit.nextItem < count && unit.request === null) {
    if (isAbandoned(turn, frame)) break
    const item = itemAt(task, frame, unit, unit.nextItem)
    unit.nextItem += 1
    unit.attempt = 1
    startItem(turn, frame, task, unit, item)
    if (unit.request === null && isBroken(turn, task, unit, item)) break
  }
  unit.done = unit.request === null
}

/** `break_when` is judged after each item, with its result in view. */
export function isBroken(turn: Turn, task: Task, unit: Unit, item: LoopItem | undefined): boolean {
  const { breakWhen } = task.loopControl
  const last = unit.results.at(-1)
  if (breakWhen === undefined || item === undefined || last === undefined) return false
  const verdict = evaluateAll(breakWhen, resultScope(turn, task, unit.host, item, last))
  return verdict.kind === 'value' && verdict.value === true
}

/** A cancelled run starts no further step, but what cleans up. */
function isAbandoned(turn: Turn, frame: TaskFrame): boolean {
  return frame.settles === null && isWinding(turn)
}

/** The unit's item at an index; of a task without a loop, the one it settles. */
export function itemAt(
  task: Task,
  frame: TaskFrame,
  unit: Unit,
  index: number,
): LoopItem | undefined {
  const { items } = unit
  if (items === null) return frame.settles?.item
  const value: unknown = items[index]
  return task.loopControl.extended ? { index, value, items } : { index, value }
}

/** The loop's list; undefined when the unit failed over it. */
function loopItems(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
): readonly unknown[] | undefined {
  try {
    const scope = hostScope(turn.program, turn.state, unit.host, task)
    const items = renderTree(task.loop ?? null, scope)
    if (items instanceof Unknown) return [items]
    if (Array.isArray(items)) return items
    const what = items === null ? 'null' : typeof items
    throw new BkpError('expression.failed', `loop needs a list, not ${what}`, {
      hint: 'write a list, or put [ ] around one item',
    })
  } catch (thrown) {
    failItem(turn, frame, task, unit, undefined, asBkpError(thrown))
    unit.done = true
    return undefined
  }
}

function startItem(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
): void {
  const scope = scopeOfItem(turn, task, unit, item)
  const verdict = evaluateAll(task.when, scope)
  if (verdict.kind === 'error') {
    failItem(turn, frame, task, unit, item, verdict.error)
    return
  }
  if (verdict.value === false) {
    skipItem(turn, frame, task, unit, item, scope)
    return
  }
  const mayBeSkipped =
    verdict.value instanceof Unknown ||
    item?.value instanceof Unknown ||
    isDoubtful(turn, task, unit)
  if (task.include === undefined) request(turn, frame, task, unit, { item, scope, mayBeSkipped })
  else include(turn, frame, task, unit, { item, scope, mayBeSkipped })
}

/** In a plan: it stands in what may be included, or is a handler that may be notified. */
function isDoubtful({ state }: Turn, task: Task, { host }: Unit): boolean {
  return Object.entries(state.doubtful).some(
    ([id, hosts]) => hosts.includes(host) && `${task.id}/`.startsWith(`${id}/`),
  )
}

function scopeOfItem(turn: Turn, task: Task, unit: Unit, item: LoopItem | undefined): Scope {
  const before = fromItemsBefore(task, unit)
  return hostScope(turn.program, turn.state, unit.host, task, item, before)
}

interface Asked {
  readonly item: LoopItem | undefined
  readonly scope: Scope
  /** A `when` that is only known after apply. */
  readonly mayBeSkipped: boolean
}

/** Asks for an item to be performed; what the runbook itself has wrong fails it before. */
function request(turn: Turn, frame: TaskFrame, task: Task, unit: Unit, asked: Asked): void {
  const { item, scope, mayBeSkipped } = asked
  try {
    const args = renderArguments(task.args, scope)
    const deadline = deadlineOf(turn, task, unit.host, item)
    const delegate = delegateOf(task, unit.host, scope)
    const become = becomeByHost(turn, task, unit, item, delegate ?? unit.host)
    const how = manner(turn, task, scope)
    const delayMs = pauseBefore(turn, task, unit, scope)
    // A handler that is missing is told before anything is done, not after.
    handlersOf(turn, task, scope)
    const id = turn.state.nextRequest++
    unit.request = id
    if (unit.attempt === 1) owe(turn, frame, task, unit, item)
    turn.requests.push({
      kind: 'perform',
      id,
      ref: refOf(frame.settles, task, unit, item, scope),
      scope: task.scope,
      args,
      variables: scope,
      mayBeSkipped,
      noLog: task.noLog,
      ...(become.size === 0 ? {} : { become }),
      ...(frame.settles === null ? {} : { attempt: frame.settles.attempts }),
      part: partOf(turn, frame),
      ...(task.release === undefined && task.rollback === undefined ? {} : { owes: true as const }),
      ...(task.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
      ...(unit.lastRequest === null ? {} : { continues: unit.lastRequest }),
      ...(delayMs === 0 ? {} : { delayMs }),
      ...(delegate === undefined ? {} : { delegate }),
      ...how,
      ...(deadline === undefined ? {} : { deadline }),
    })
    unit.lastRequest = id
  } catch (thrown) {
    failItem(turn, frame, task, unit, item, asBkpError(thrown))
  }
}

/** Tries an item once more. */
export function tryAgain(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
): void {
  unit.attempt += 1
  const scope = scopeOfItem(turn, task, unit, item)
  request(turn, frame, task, unit, { item, scope, mayBeSkipped: false })
}

/** Before a further try its delay, before a further item the pause of its loop. */
function pauseBefore({ program }: Turn, task: Task, unit: Unit, scope: Scope): number {
  if (program.mode === 'plan') return 0
  if (unit.attempt > 1) return secondsOf('delay', task.delay ?? 5, scope) * 1000
  if (unit.results.length === 0) return 0
  return secondsOf('pause', task.loopControl.pause ?? 0, scope) * 1000
}

/** What an including task puts in follows when all hosts have decided. */
function include(turn: Turn, frame: TaskFrame, task: Task, unit: Unit, asked: Asked): void {
  const { item, scope, mayBeSkipped } = asked
  try {
    const included = includedBy(task, scope, item)
    const result = itemResult('ok', { include: included?.id }, item, mayBeSkipped)
    unit.results.push(included === undefined ? result : { ...result, include: included })
    turn.events.push({
      event: 'step.finished',
      ...refOf(frame.settles, task, unit, item, scope),
      status: 'ok',
    })
  } catch (thrown) {
    failItem(turn, frame, task, unit, item, asBkpError(thrown))
  }
}

/** A step that speaks for several hosts reaches each as the user that its own variables say. */
function becomeByHost(
  turn: Turn,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
  worker: string,
): ReadonlyMap<string, Become | Unknown> {
  const hosts = task.scope === 'cluster' ? unit.speaksFor : [worker]
  const found = new Map<string, Become | Unknown>()
  for (const host of hosts) {
    const become = becomeOf(task, hostScope(turn.program, turn.state, host, task, item))
    if (become !== undefined) found.set(host, become)
  }
  return found
}

function partOf(turn: Turn, frame: TaskFrame): Part {
  if (frame.settles !== null) return frame.settles.kind
  const sections = enclosingBlocks(turn).map(({ section }) => section)
  if (sections.includes('always')) return 'always'
  return sections.includes('rescue') ? 'rescue' : 'main'
}

function skipItem(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
  scope: Scope,
): void {
  unit.results.push(itemResult('skipped', { skip_reason: 'the condition is false' }, item, false))
  turn.events.push({
    event: 'step.finished',
    ...refOf(frame.settles, task, unit, item, scope),
    status: 'skipped',
  })
}

/** Fails an item before it was asked for: an expression of the runbook itself is at fault. */
function failItem(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
  error: BkpError,
): void {
  const scope = hostScope(turn.program, turn.state, unit.host, task, item)
  const failure = failureOf(error, task.place)
  const ignored = ignoresErrors(task, scope)
  unit.results.push({
    ...itemResult('failed', { msg: error.message }, item, false),
    outcome: { status: 'failed', result: {}, failure },
  })
  turn.events.push({
    event: 'step.finished',
    ...refOf(frame.settles, task, unit, item, scope),
    status: ignored ? 'ignored' : 'failed',
    failure,
  })
}

export function itemResult(
  status: ItemResult['status'],
  result: Readonly<Record<string, unknown>>,
  item: LoopItem | undefined,
  uncertain: boolean,
): ItemResult {
  return { status, result, uncertain, ...(item === undefined ? {} : { item }) }
}

/** `ignore_errors` as it stands for this host; one that cannot be evaluated ignores nothing. */
export function ignoresErrors(task: Task, scope: Scope): boolean {
  const verdict = evaluateAll([task.ignoreErrors], scope)
  return verdict.kind === 'value' && verdict.value === true
}
