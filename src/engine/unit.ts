import { asBkpError, type BkpError } from '../base/errors.ts'
import { canonicalJson } from '../base/json.ts'
import type { Failure, StepRef } from '../events/events.ts'
import type { Scope } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import { renderArguments } from './arguments.ts'
import { evaluateAll } from './conditions.ts'
import { deadlineOf } from './deadline.ts'
import type { Part } from './protocol.ts'
import { announceSettled } from './settled.ts'
import type { ItemResult, Owed, TaskFrame, Unit } from './state.ts'
import { enclosingBlocks, isRescuable, isWinding, type Turn } from './turn.ts'
import { displayName, hostScope, type LoopItem } from './variables.ts'

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
    const item = itemAt(frame, unit)
    unit.nextItem += 1
    startItem(turn, frame, task, unit, item)
  }
  unit.done = unit.request === null
}

/** A cancelled run starts no further step, but what cleans up. */
function isAbandoned(turn: Turn, frame: TaskFrame): boolean {
  return frame.settles === null && isWinding(turn)
}

function itemAt(frame: TaskFrame, unit: Unit): LoopItem | undefined {
  if (unit.items === null) return frame.settles?.item
  return { index: unit.nextItem, value: unit.items[unit.nextItem] }
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
    throw new Error(`loop needs a list, not ${items === null ? 'null' : typeof items}`)
  } catch (thrown) {
    failItem(turn, frame, task, unit, undefined, asBkpError(thrown, 'expression.failed'))
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
  const scope = hostScope(turn.program, turn.state, unit.host, task, item)
  const verdict = evaluateAll(task.when, scope)
  if (verdict.kind === 'error') {
    failItem(turn, frame, task, unit, item, verdict.error)
    return
  }
  if (verdict.value === false) {
    skipItem(turn, frame, task, unit, item, scope)
    return
  }
  try {
    const args = renderArguments(task.args, scope)
    const deadline = deadlineOf(turn, task, unit.host, item)
    const id = turn.state.nextRequest++
    unit.request = id
    owe(turn, frame, task, unit, item)
    turn.requests.push({
      kind: 'perform',
      id,
      ref: refOf(turn, frame, task, unit, item, scope),
      scope: task.scope,
      args,
      mayBeSkipped: verdict.value instanceof Unknown || item?.value instanceof Unknown,
      noLog: task.noLog,
      ...(frame.settles === null ? {} : { attempt: frame.settles.attempts }),
      part: partOf(turn, frame),
      ...(task.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
      ...(deadline === undefined ? {} : { deadline }),
    })
  } catch (thrown) {
    failItem(turn, frame, task, unit, item, asBkpError(thrown, 'expression.failed'))
  }
}

function partOf(turn: Turn, frame: TaskFrame): Part {
  if (frame.settles !== null) return frame.settles.kind
  const sections = enclosingBlocks(turn).map(({ section }) => section)
  if (sections.includes('always')) return 'always'
  return sections.includes('rescue') ? 'rescue' : 'main'
}

/** From before a step starts, its rollback and its release are owed by the block around it. */
function owe(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
): void {
  const [block] = enclosingBlocks(turn)
  if (block === undefined || turn.program.mode === 'plan') return
  for (const kind of ['rollback', 'release'] as const) {
    if (task[kind] === undefined) continue
    const known = block.owed.find(
      owed => owed.kind === kind && owed.task === task.id && isSameItem(owed.item, item),
    )
    if (known === undefined) {
      block.owed.push({
        kind,
        task: task.id,
        hosts: [...unit.speaksFor],
        attempts: 0,
        ...(item === undefined ? {} : { item }),
      })
    } else {
      known.hosts.push(...unit.speaksFor)
    }
    takeOver(turn, kind, task, unit, item)
    const scope = hostScope(turn.program, turn.state, unit.host, task, item)
    turn.events.push({
      event: 'owed',
      kind,
      ...refOf(turn, frame, task, unit, item, scope),
      ...(item === undefined ? {} : { item_value: item.value }),
    })
  }
}

/** What an earlier attempt owes for the same step is owed by this one now. */
function takeOver(
  turn: Turn,
  kind: Owed['kind'],
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
): void {
  const { inherited } = turn.state
  if (inherited.owed.length === 0) return
  const taken = new Set(unit.speaksFor)
  const owed = inherited.owed
    .map(each =>
      each.kind === kind && each.task === task.id && isSameItem(each.item, item)
        ? { ...each, hosts: each.hosts.filter(host => !taken.has(host)) }
        : each,
    )
    .filter(each => each.hosts.length > 0)
  turn.state.inherited = { ...inherited, owed }
}

/** Loops may differ from host to host: equal places do not make equal items. */
function isSameItem(a: LoopItem | undefined, b: LoopItem | undefined): boolean {
  return (
    a?.index === b?.index && canonicalJson(a?.value ?? null) === canonicalJson(b?.value ?? null)
  )
}

/** Takes back what a step was to owe that never began. */
export function disown(turn: Turn, task: Task, unit: Unit, item: LoopItem | undefined): void {
  const [block] = enclosingBlocks(turn)
  if (block === undefined) return
  const gone = new Set(unit.speaksFor)
  block.owed = block.owed
    .map(owed => {
      if (owed.task !== task.id || !isSameItem(owed.item, item)) return owed
      announceSettled(turn, { ...owed, hosts: unit.speaksFor }, 'dropped')
      return { ...owed, hosts: owed.hosts.filter(host => !gone.has(host)) }
    })
    .filter(owed => owed.hosts.length > 0)
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
    ...refOf(turn, frame, task, unit, item, scope),
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
  const failure = failureOf(error, task)
  const ignored = ignoresErrors(task, scope)
  unit.results.push({
    ...itemResult('failed', { msg: error.message }, item, false),
    outcome: { status: 'failed', result: {}, failure },
  })
  turn.events.push({
    event: 'step.finished',
    ...refOf(turn, frame, task, unit, item, scope),
    status: ignored ? 'ignored' : 'failed',
    failure,
    ...(isRescuable(turn) ? { message: 'will be rescued' } : {}),
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

/** How the step is named in events. */
export function refOf(
  _turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
  scope: Scope,
): StepRef {
  return {
    step: task.id,
    name: displayName(task.name, scope) ?? task.module,
    module: task.module,
    host: unit.host,
    ...(unit.speaksFor.length > 1 || task.scope === 'cluster'
      ? { hosts: unit.speaksFor.slice() }
      : {}),
    ...(item === undefined || frame.settles !== null
      ? {}
      : { item: { index: item.index, label: labelOf(task, item, scope) } }),
    ...(frame.settles === null ? {} : settlesOf(frame.settles)),
  }
}

function settlesOf({ task, item }: Owed): Pick<StepRef, 'settles' | 'settles_item'> {
  return { settles: task, ...(item === undefined ? {} : { settles_item: item.index }) }
}

function labelOf(task: Task, item: LoopItem, scope: Scope): string {
  const label = displayName(task.loopControl.label, scope)
  if (label !== undefined) return label
  return typeof item.value === 'string' ? item.value : JSON.stringify(item.value)
}

/** An error as events carry it. */
export function failureOf(error: BkpError, task: Task): Failure {
  const place = error.place ?? task.place
  return {
    code: error.code,
    message: error.message,
    place: `${place.file}:${place.line}:${place.column}`,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  }
}
