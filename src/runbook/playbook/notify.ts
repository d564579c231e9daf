import type { Tree } from '../../expression/contract.ts'
import { compileValue } from '../inventory/variables.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'

/** `notify`: names or topics of handlers. Those in plain text are looked for when the play was read. */
export function notifyAt(context: PlaybookContext, entry: Entry): readonly Tree[] | undefined {
  const value = entry.value['notify']
  const path = [...entry.path, 'notify']
  if (value === undefined || value === null) return undefined
  const list: readonly (readonly [unknown, DocumentPath])[] = Array.isArray(value)
    ? value.map((item, index) => [item, [...path, index]])
    : [[value, path]]
  return list.flatMap(([item, at]) => {
    // Other shapes were told by the schema of the keyword.
    if (typeof item !== 'string') return []
    if (!item.includes('{{')) {
      context.notified.push({ name: item, place: context.document.place(at) })
    }
    const tree = compileValue(context.document, item, at, context.faults)
    return tree === undefined ? [] : [tree]
  })
}

/** `listen` of a handler: topics it answers to, besides its name. */
export function listenAt(context: PlaybookContext, entry: Entry): readonly string[] | undefined {
  const value = entry.value['listen']
  const path = [...entry.path, 'listen']
  if (value === undefined || value === null) return undefined
  const list = Array.isArray(value) ? value : [value]
  return list.flatMap((item, index) => {
    if (typeof item !== 'string') return []
    if (!item.includes('{{')) return [item]
    fault(
      context,
      'the topics of "listen" cannot be computed',
      Array.isArray(value) ? [...path, index] : path,
      { hint: 'write them as they are notified' },
    )
    return []
  })
}
