import type { Scope } from '../expression/contract.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import type { Child } from './block.ts'
import { pushBlock } from './block.ts'
import { evaluateAll } from './conditions.ts'
import { askConfirmation, askStep } from './confirm.ts'
import { runMeta } from './meta.ts'
import { owedTaskAt } from './program.ts'
import { withoutDone } from './roles.ts'
import type { BlockFrame, Owed, TaskFrame, Unit } from './state.ts'
import { liveHosts, type Turn } from './turn.ts'
import { advanceUnit } from './unit.ts'
import { displayName, hostScope } from './variables.ts'

/** Enters a step of a block, or settles what the block owes. */
export function enterChild(turn: Turn, frame: BlockFrame, child: Child): void {
  if ('settle' in child) {
    enterOwed(turn, child.settle)
  } else if ('handler' in child) {
    enterTask(turn, child.handler.task, [...child.handler.hosts], null)
  } else if ('include' in child) {
    const live = new Set(liveHosts(turn, frame))
    const hosts = child.include.hosts.filter(host => live.has(host))
    if (hosts.length > 0) pushBlock(turn, child.include.id, hosts)
  } else if (child.step.kind === 'block') {
    const hosts = withoutDone(turn, child.step, liveHosts(turn, frame))
    if (hosts.length > 0) pushBlock(turn, child.step.id, hosts)
  } else {
    enterTask(turn, child.step, liveHosts(turn, frame), null)
  }
}

function enterOwed(turn: Turn, owed: Owed): void {
  const task = owedTaskAt(turn.program, owed)
  if (task === undefined) throw new Error(`no ${owed.kind} for ${owed.task}`)
  enterTask(turn, task, [...owed.hosts], { ...owed, attempts: owed.attempts + 1 })
}

function enterTask(turn: Turn, task: Task, hosts: string[], settles: Owed | null): void {
  const frame: TaskFrame = {
    kind: 'task',
    id: task.id,
    hosts,
    started: false,
    units: [],
    settles,
  }
  if (task.meta !== undefined && task.meta !== 'reset_connection') {
    announce(turn, task, hosts, settles)
    runMeta(turn, frame, task)
    return
  }
  turn.stack.push(frame)
  const scope = announce(turn, task, hosts, settles)
  if (scope === undefined) return
  if (asksFirst(turn, task, settles)) askStep(turn, task, scope)
  else askConfirmation(turn, task, hosts, scope)
}

/** Tells that the task begins; undefined where there is nobody to begin it on. */
function announce(
  turn: Turn,
  task: Task,
  hosts: readonly string[],
  settles: Owed | null,
): Scope | undefined {
  const [first] = hosts
  if (first === undefined) return undefined
  const scope = hostScope(turn.program, turn.state, first, task, settles?.item)
  if (task.implicit) return scope
  const name = displayName(task.name, scope) ?? task.module
  turn.events.push({
    event: 'task.started',
    step: task.id,
    name,
    module: task.module,
    hosts: [...hosts],
    ...(task.scope === 'cluster' || task.runOnce ? { once: true } : {}),
  })
  return scope
}

/** `--step` asks before each task of the playbook. */
function asksFirst({ program, state }: Turn, task: Task, settles: Owed | null): boolean {
  return program.settings.step && !state.stepAll && settles === null && task.meta === undefined
}

/** Makes the task's units and starts each; called once its confirmation, if any, is granted. */
export function startTask(turn: Turn, frame: TaskFrame, task: Task): void {
  frame.started = true
  frame.units = unitsOf(turn, task, frame)
  for (const unit of frame.units) advanceUnit(turn, frame, task, unit)
}

function unitsOf(turn: Turn, task: Task, frame: TaskFrame): Unit[] {
  const { hosts } = frame
  const [first] = hosts
  if (first === undefined || frame.denied) return []
  if (task.scope === 'cluster') return [unit(first, hosts)]
  if (task.runOnce) return [unit(firstMatching(turn, task, hosts) ?? first, hosts)]
  return hosts.map(host => unit(host, [host]))
}

/** run_once runs on the first host whose `when` holds (specs/engine.md a.9 row 5). */
function firstMatching(turn: Turn, task: Task, hosts: readonly string[]): string | undefined {
  if (task.loop !== undefined) return undefined
  return hosts.find(host => {
    const verdict = evaluateAll(task.when, hostScope(turn.program, turn.state, host, task))
    return verdict.kind === 'value' && (verdict.value === true || verdict.value instanceof Unknown)
  })
}

function unit(host: string, speaksFor: readonly string[]): Unit {
  return {
    host,
    speaksFor: [...speaksFor],
    items: null,
    nextItem: 0,
    attempt: 1,
    request: null,
    lastRequest: null,
    results: [],
    done: false,
  }
}
