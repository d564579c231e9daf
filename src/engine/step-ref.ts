import { isRecord } from '../base/json.ts'
import type { StepRef } from '../events/events.ts'
import type { Scope } from '../expression/contract.ts'
import type { Task } from '../runbook/contract.ts'
import { delegateOf } from './manner.ts'
import type { Owed, Unit } from './state.ts'
import { displayName, type LoopItem } from './variables.ts'

/** How the step is named in events; `settles`: the debt that it settles. */
export function refOf(
  settles: Owed | null,
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
    ...delegation(task, unit, scope),
    ...(item === undefined || settles !== null
      ? {}
      : { item: { index: item.index, label: labelOf(task, item, scope), ...countOf(unit) } }),
    ...(settles === null ? {} : settlesOf(settles)),
  }
}

/** Who does it for the host; where that cannot be rendered, nobody has done it. */
function delegation(task: Task, { host }: Unit, scope: Scope): Pick<StepRef, 'delegate'> {
  try {
    const delegate = delegateOf(task, host, scope)
    return delegate === undefined ? {} : { delegate }
  } catch {
    return {}
  }
}

/** A loop over a list that is not known yet has one item that stands for all. */
function countOf({ items }: Unit): { readonly of?: number } {
  return items === null ? {} : { of: items.length }
}

function settlesOf({ task, item }: Owed): Pick<StepRef, 'settles' | 'settles_item'> {
  return { settles: task, ...(item === undefined ? {} : { settles_item: item.index }) }
}

function labelOf(task: Task, item: LoopItem, scope: Scope): string {
  const label = displayName(task.loopControl.label, scope)
  if (label !== undefined) return label
  return typeof item.value === 'string' ? item.value : shortLabel(item.value)
}

/** Longer items are named by what tells them apart for a reader; their index tells them apart for bkp. */
const longestLabel = 80

/** What `find` found, or a service with all of its properties, would fill the screen. */
function shortLabel(value: unknown): string {
  const whole = JSON.stringify(value)
  if (whole.length <= longestLabel) return whole
  const named = isRecord(value) ? (value['path'] ?? value['name'] ?? value['key']) : undefined
  return typeof named === 'string' ? named : `${whole.slice(0, longestLabel - 1)}…`
}
