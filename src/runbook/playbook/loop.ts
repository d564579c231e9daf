import { isRecord } from '../../base/json.ts'
import type { Tree } from '../../expression/contract.ts'
import type { Task } from '../contract.ts'
import { conditionsAt } from './conditions.ts'
import { type Entry, fault, flagAt, type PlaybookContext, treeAt } from './context.ts'
import { given } from './given.ts'
import { checkVariableName } from './names.ts'
import { numberAt } from './numbers.ts'

/** `loop`: a list, or one whole `{{ }}` that comes to one. */
export function loopAt(context: PlaybookContext, entry: Entry): Tree | undefined {
  const value = entry.value['loop']
  // Text is a list only when it is one whole expression: mixed text never comes to one.
  if (typeof value === 'string' && value.includes('{{') && !/^\s*\{\{[\s\S]*\}\}\s*$/.test(value)) {
    fault(context, '"loop" must be a list, and text around {{ }} makes a text of it', [
      ...entry.path,
      'loop',
    ])
  }
  return treeAt(context, entry, 'loop')
}

/**
 * The keywords whose shapes are checked at load: a loop over plain text is no fault where errors are
 * ignored, it fails when it runs, as in Ansible.
 */
export function withoutIgnoredLoop(entry: Entry): Entry {
  const { loop, ...rest } = entry.value
  const isIgnored = typeof loop === 'string' && rest['ignore_errors'] === true
  return isIgnored ? { value: rest, path: entry.path } : entry
}

/** `loop_control`: names for the item, what is shown of it, how the loop goes on. */
export function loopControlAt(context: PlaybookContext, entry: Entry): Task['loopControl'] {
  const value = entry.value['loop_control']
  const path = [...entry.path, 'loop_control']
  if (!isRecord(value)) return { loopVar: 'item' }
  const inner: Entry = { value, path }
  const { loop_var: loopVar, index_var: indexVar } = value
  for (const key of ['loop_var', 'index_var']) {
    const name = value[key]
    if (typeof name === 'string' && name !== 'item') {
      checkVariableName(context, name, [...path, key], 'value')
    }
  }
  const flag = (key: string) =>
    value[key] === undefined ? undefined : flagAt(context, inner, key, false)
  return {
    loopVar: typeof loopVar === 'string' ? loopVar : 'item',
    ...given({
      indexVar: typeof indexVar === 'string' ? indexVar : undefined,
      label: treeAt(context, inner, 'label'),
      pause: numberAt(context, inner, 'pause'),
      extended: flag('extended'),
      extendedAllitems: flag('extended_allitems'),
      breakWhen: conditionsAt(context, inner, 'break_when'),
    }),
  }
}
