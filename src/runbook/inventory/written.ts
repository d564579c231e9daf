import { isRecord } from '../../base/json.ts'
import { mask, Secret } from '../../base/secret.ts'
import { type Binding, isTemplate, type Tree } from '../../expression/contract.ts'
import { isCredentialKey } from '../yaml/source-lines.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { type VariableOrigins, writtenText } from './origins.ts'
import { isSecretVariable } from './variables.ts'

/** How text that is never rendered is shown. */
export type ShowUnsafe = (text: string) => unknown

/**
 * The value of a variable as its file has it: `{{ }}` as text, dots in place of secrets. Text tagged
 * `!unsafe` goes through `showUnsafe`.
 */
export function writtenValue(
  name: string,
  binding: Binding,
  origins: VariableOrigins,
  showUnsafe: ShowUnsafe = text => text,
): unknown {
  if ('literal' in binding) return masked(name, binding.literal)
  const origin = origins.of(binding)
  const show = (tree: Tree, written: unknown, path: DocumentPath): unknown => {
    if (tree instanceof Secret || (isTemplate(tree) && tree.sealed === true)) return mask
    if (typeof tree === 'string' || isTemplate(tree)) {
      const isUnsafe = origin?.isUnsafe(path) ?? false
      const text = writtenText(typeof written === 'string' ? written : String(tree), isUnsafe)
      const key = path.findLast(step => typeof step === 'string') ?? name
      if (isHidden(String(key), text)) return mask
      return isUnsafe ? showUnsafe(text) : text
    }
    if (Array.isArray(tree)) {
      return tree.map((item, index) => show(item as Tree, partOf(written, index), [...path, index]))
    }
    if (!isRecord(tree)) return tree
    return Object.fromEntries(
      Object.entries(tree).map(([key, inner]) => [
        key,
        show(inner as Tree, partOf(written, key), [...path, key]),
      ]),
    )
  }
  return show(binding.tree, origin?.written, [])
}

/** A rendered value with dots in place of secrets, wherever they stand in it. */
export function masked(name: string, value: unknown): unknown {
  if (value instanceof Secret) return mask
  if (typeof value === 'string') return isHidden(name, value) ? mask : value
  if (Array.isArray(value)) return value.map(item => masked(name, item))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(key, inner)]))
}

/** Plain text under the key of a credential; what computes one may be seen. */
function isHidden(key: string, text: string): boolean {
  const isNamed = isCredentialKey(key) || isSecretVariable(key)
  return isNamed && text !== '' && !text.includes('{{')
}

function partOf(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Readonly<Record<string | number, unknown>>)[step]
}
