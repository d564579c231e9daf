import { canonicalJson } from '../base/json.ts'
import type { Task } from '../runbook/contract.ts'
import { announceSettled } from './settled.ts'
import type { Owed, TaskFrame, Unit } from './state.ts'
import { refOf } from './step-ref.ts'
import { owingBlock, type Turn } from './turn.ts'
import { hostScope, type LoopItem } from './variables.ts'

/** From before a step starts, its rollback and its release are owed by the block around it. */
export function owe(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
): void {
  const block = owingBlock(turn)
  if (block === undefined || turn.program.mode === 'plan') return
  const given = givenTo(turn, task)
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
        ...given,
      })
    } else {
      known.hosts.push(...unit.speaksFor)
    }
    takeOver(turn, kind, task, unit, item)
    const scope = hostScope(turn.program, turn.state, unit.host, task, item)
    turn.events.push({
      event: 'owed',
      kind,
      ...refOf(frame.settles, task, unit, item, scope),
      ...(item === undefined ? {} : { item_value: item.value }),
      ...given,
    })
  }
}

/** What the includes around the task gave to it: whoever settles this later needs it, too. */
function givenTo({ state }: Turn, task: Task): Pick<Owed, 'given'> {
  const own = Object.entries(state.included).filter(([id]) => task.id.startsWith(`${id}/`))
  return own.length === 0 ? {} : { given: Object.fromEntries(own) }
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
  const block = owingBlock(turn)
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
