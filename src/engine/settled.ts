import { owedTaskAt } from './program.ts'
import type { Owed } from './state.ts'
import type { Turn } from './turn.ts'

/** Tells what became of something that was owed. */
export function announceSettled(
  turn: Turn,
  owed: Owed,
  outcome: 'ran' | 'dropped' | 'failed',
): void {
  const task = owedTaskAt(turn.program, owed)
  turn.events.push({
    event: 'settled',
    kind: owed.kind,
    outcome,
    step: task?.id ?? owed.task,
    name: task?.module ?? owed.task,
    module: task?.module ?? '',
    host: owed.hosts[0] ?? '',
    hosts: [...owed.hosts],
    settles: owed.task,
    ...(owed.item === undefined
      ? {}
      : { settles_item: owed.item.index, item_value: owed.item.value }),
  })
}
