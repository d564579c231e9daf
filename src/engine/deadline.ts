import { renderTree } from '../expression/tree.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import { renderArguments } from './arguments.ts'
import { becomeOf } from './become.ts'
import { evaluateAll } from './conditions.ts'
import { delegateOf } from './manner.ts'
import type { DeadlineRequest } from './protocol.ts'
import type { Turn } from './turn.ts'
import { hostScope, type LoopItem } from './variables.ts'

/**
 * The release of a task with a deadline, rendered before the task runs: whoever keeps the deadline
 * cannot ask for anything later. @throws expression.*
 */
export function deadlineOf(
  turn: Turn,
  task: Task,
  host: string,
  item: LoopItem | undefined,
): DeadlineRequest | undefined {
  const { deadlineMs, release } = task
  if (deadlineMs === undefined || release === undefined) return undefined
  if (turn.program.mode === 'plan') return undefined
  const scopeOf = (own: LoopItem | undefined) =>
    hostScope(turn.program, turn.state, host, release, own)
  const items = itemsOf(release, item, scopeOf)
  const calls = items.flatMap(own => {
    const scope = scopeOf(own)
    const verdict = evaluateAll(release.when, scope)
    if (verdict.kind === 'error') throw verdict.error
    return verdict.value === false ? [] : [renderArguments(release.args, scope)]
  })
  // The release is done where its task is.
  const worker = delegateOf(task, host, hostScope(turn.program, turn.state, host, task, item))
  const users =
    worker === undefined
      ? scopeOf(item)
      : hostScope(turn.program, turn.state, worker, release, item)
  const become = becomeOf(release, users)
  return {
    milliseconds: deadlineMs,
    module: release.module,
    calls,
    ...(become === undefined || become instanceof Unknown ? {} : { become }),
  }
}

/** The release's own items, or the one that its task runs with. */
function itemsOf(
  release: Task,
  item: LoopItem | undefined,
  scopeOf: (item: LoopItem | undefined) => ReturnType<typeof hostScope>,
): readonly (LoopItem | undefined)[] {
  if (release.loop === undefined) return [item]
  const list = renderTree(release.loop, scopeOf(item))
  if (!Array.isArray(list)) throw new Error('the loop of the release needs a list')
  return list.map((value: unknown, index) => ({ index, value }))
}
