import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import type { Child } from './block.ts'
import { pushBlock } from './block.ts'
import { evaluateAll } from './conditions.ts'
import { ask } from './confirm.ts'
import type { BlockFrame, Owed, TaskFrame, Unit } from './state.ts'
import { liveHosts, type Turn } from './turn.ts'
import { advanceUnit } from './unit.ts'
import { displayName, hostScope } from './variables.ts'

/** Enters a step of a block, or settles what the block owes. */
export function enterChild(turn: Turn, frame: BlockFrame, child: Child): void {
  if ('settle' in child) {
    enterOwed(turn, child.settle)
    return
  }
  const { step } = child
  if (step.kind === 'block') pushBlock(turn, step.id, liveHosts(frame))
  else enterTask(turn, step, liveHosts(frame), null)
}

function enterOwed(turn: Turn, owed: Owed): void {
  const task = turn.program.tasks.get(owed.task)?.[owed.kind]
  if (task === undefined) throw new Error(`no ${owed.kind} for ${owed.task}`)
  enterTask(turn, task, [...owed.hosts], { ...owed, attempts: owed.attempts + 1 })
}

function enterTask(turn: Turn, task: Task, hosts: string[], settles: Owed | null): void {
  turn.state.stack.push({ kind: 'task', id: task.id, hosts, started: false, units: [], settles })
  const [first] = hosts
  if (first === undefined) return
  const scope = hostScope(turn.program, turn.state, first, task, settles?.item)
  const name = displayName(task.name, scope) ?? task.module
  turn.events.push({
    event: 'task.started',
    step: task.id,
    name,
    module: task.module,
    hosts: [...hosts],
    ...(task.scope === 'cluster' || task.runOnce ? { once: true } : {}),
  })
  if (task.confirm !== undefined && mayRun(turn, task, hosts))
    ask(turn, task.id, task.confirm, scope)
}

/** False only when every host is certain to skip the task. */
function mayRun(turn: Turn, task: Task, hosts: readonly string[]): boolean {
  if (task.loop !== undefined) return true
  return hosts.some(host => {
    const verdict = evaluateAll(task.when, hostScope(turn.program, turn.state, host, task))
    return verdict.kind !== 'value' || verdict.value !== false
  })
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
    request: null,
    results: [],
    done: false,
  }
}
