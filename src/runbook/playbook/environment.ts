import { isRecord } from '../../base/json.ts'
import type { Tree } from '../../expression/contract.ts'
import { compileValue } from '../inventory/variables.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'

/** What a POSIX shell takes for the name of a variable. */
const name = /^[A-Za-z_][A-Za-z0-9_]*$/

/** `environment`: a map, a list of maps or `{{ }}`, lowest first, above what encloses it. */
export function environmentAt(
  context: PlaybookContext,
  entry: Entry,
  inherited: readonly Tree[] | undefined,
): readonly Tree[] | undefined {
  const value = entry.value['environment']
  const path = [...entry.path, 'environment']
  if (value === undefined || value === null) return inherited
  const list: readonly (readonly [unknown, DocumentPath])[] = Array.isArray(value)
    ? value.map((item, index) => [item, [...path, index]])
    : [[value, path]]
  const own = list.flatMap(([item, at]) => {
    if (isRecord(item)) checkNames(context, item, at)
    const tree = compileValue(context.document, item, at, context.faults)
    return tree === undefined ? [] : [tree]
  })
  return [...(inherited ?? []), ...own]
}

function checkNames(
  context: PlaybookContext,
  map: Readonly<Record<string, unknown>>,
  path: DocumentPath,
): void {
  for (const key of Object.keys(map).filter(each => !name.test(each))) {
    fault(context, `"${key}" cannot be the name of an environment variable`, [...path, key], {
      at: 'key',
      hint: 'use letters, digits and _, and no digit first; names are not rendered',
    })
  }
}
