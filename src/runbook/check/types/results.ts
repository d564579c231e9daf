import type { ModuleCatalogue } from '../../../modules/catalogue.ts'
import type { Task } from '../../contract.ts'
import { typeOfSchema } from './from-schema.ts'
import { any, bool, closedMap, join, listOf, number, type Type, text } from './type.ts'

/** What every registered result has, besides what its module returns (engine/result.ts). */
const common: ReadonlyMap<string, Type> = new Map([
  ['attempts', number],
  ['changed', bool],
  ['failed', bool],
  ['skipped', bool],
  ['unreachable', bool],
])

/** What results of modules may have in Ansible: asking for it is no mistake to be sure of. */
const lenient: readonly string[] = [
  'ansible_facts',
  'cmd',
  'delta',
  'diff',
  'end',
  'exception',
  'rc',
  'skip_reason',
  'start',
  'stderr',
  'stderr_lines',
  'stdout',
  'stdout_lines',
  'warnings',
]

/** What one run of a task registers: `any` where the module does not say all of it. */
export function itemResult(task: Task, element: Type, catalogue: ModuleCatalogue): Type {
  const returns = typeOfSchema(catalogue.get(task.module)?.returns)
  if (returns.kind !== 'map' || !returns.closed) return any
  const { loopVar, indexVar } = task.loopControl
  const message = returns.fields.get('msg')
  const fields = new Map<string, Type>([
    ...lenient.map(name => [name, any] as const),
    ...returns.fields,
    ['msg', message === undefined ? text : join(message, text)],
    ...common,
  ])
  if (task.loop !== undefined) {
    fields.set(loopVar, element)
    fields.set('ansible_loop_var', text)
    if (indexVar !== undefined) {
      fields.set(indexVar, number)
      fields.set('ansible_index_var', text)
    }
  }
  return closedMap(fields, {
    shown: [...returns.fields.keys(), 'changed', 'failed', 'skipped', 'unreachable'],
  })
}

/** What a task registers when it is through: of a loop, the results of its items. */
export function registeredResult(task: Task, element: Type, catalogue: ModuleCatalogue): Type {
  const item = itemResult(task, element, catalogue)
  if (task.loop === undefined || task.include !== undefined) return item
  const name = task.register ?? 'r'
  const fields = new Map<string, Type>([
    ...common,
    ['attempts', any],
    ['msg', text],
    ['skip_reason', any],
    ['warnings', any],
    ['results', listOf(item)],
  ])
  return closedMap(fields, {
    advice: `it is the result of a loop: ask ${name}.results, which has one for each item`,
  })
}
