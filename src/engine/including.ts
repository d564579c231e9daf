import { BkpError } from '../base/errors.ts'
import { canonicalJson } from '../base/json.ts'
import { didYouMean } from '../base/text.ts'
import type { Scope } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import { frameOf, type ItemResult, type TaskFrame } from './state.ts'
import type { Turn } from './turn.ts'
import type { LoopItem } from './variables.ts'

/**
 * What an including task puts in for one host and item.
 * @throws expression.failed where the target comes to nothing that was read at load
 */
export function includedBy(
  task: Task,
  scope: Scope,
  item: LoopItem | undefined,
): NonNullable<ItemResult['include']> | undefined {
  const { include } = task
  if (include === undefined) return undefined
  const target = renderTree(include.target, scope)
  const choices = [...include.choices]
  // What it will be is only known after apply: where there is one choice, it is that.
  const [only] = choices
  const name = target instanceof Unknown && choices.length === 1 ? only?.[0] : String(target)
  const block = include.choices.get(name ?? '')
  if (block === undefined) {
    const known = choices.map(([choice]) => choice)
    throw new BkpError('expression.failed', `there is no "${name}" to include`, {
      hint:
        didYouMean(name ?? '', known) ?? `found when the playbook was read: ${known.join(', ')}`,
    })
  }
  const { loopVar, indexVar } = task.loopControl
  const variables =
    item === undefined
      ? {}
      : {
          [loopVar]: item.value,
          ansible_loop_var: loopVar,
          ...(indexVar === undefined ? {} : { [indexVar]: item.index }),
        }
  return { id: idOf(task, block.id, item), variables }
}

/** `/0/tasks/3` with the second item and its only file: `/0/tasks/3#1/0`. */
function idOf(task: Task, block: string, item: LoopItem | undefined): string {
  const own = item === undefined ? task.id : `${task.id}#${item.index}`
  return [own, ...block.split('/').slice(task.id.split('/').length)].join('/')
}

/**
 * Puts in what the units of an including task came to: one block after the other, each for all hosts
 * with the same file and item. As in Ansible, what a `run_once` includes is for its one host.
 */
export function putIn(turn: Turn, frame: TaskFrame): void {
  const groups = new Map<string, { readonly id: string; readonly hosts: string[] }>()
  for (const unit of frame.units) {
    for (const { include, uncertain } of unit.results) {
      if (include === undefined) continue
      const key = `${include.id} ${canonicalJson(include.variables)}`
      const known = groups.get(key)
      const id = known?.id ?? uniqueId(include.id, groups)
      if (uncertain) {
        const { doubtful } = turn.state
        turn.state.doubtful = { ...doubtful, [id]: [...(doubtful[id] ?? []), unit.host] }
      }
      if (known !== undefined) {
        known.hosts.push(unit.host)
        continue
      }
      groups.set(key, { id, hosts: [unit.host] })
      if (Object.keys(include.variables).length > 0) {
        turn.state.included = { ...turn.state.included, [id]: include.variables }
      }
    }
  }
  if (groups.size === 0) return
  const hosts = [...new Set([...groups.values()].flatMap(group => group.hosts))]
  turn.stack.push({ ...frameOf(frame.id, hosts), queue: [...groups.values()] })
}

/** Hosts whose items differ at the same index run apart: the second gets `~1` behind its index. */
function uniqueId(id: string, groups: ReadonlyMap<string, { readonly id: string }>): string {
  const taken = new Set([...groups.values()].map(group => group.id))
  if (!taken.has(id)) return id
  for (let number = 1; ; number += 1) {
    const other = id.includes('#')
      ? id.replace(/#([^/]*)(?=[^#]*$)/, `#$1~${number}`)
      : id.replace(/\/([^/]*)$/, `#~${number}/$1`)
    if (!taken.has(other)) return other
  }
}
