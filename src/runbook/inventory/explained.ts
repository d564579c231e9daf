import { asBkpError, type Place } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { type Binding, isTemplate, type Scope, type Tree } from '../../expression/contract.ts'
import { hasUnknown } from '../../expression/unknown.ts'
import type { VariableLayer } from '../contract.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { VariableOrigins } from './origins.ts'
import { masked, writtenValue } from './written.ts'

/** One value that a variable was given; secrets are dots. */
export interface GivenValue {
  /** As it is written, `{{ }}` as text. */
  readonly value: unknown
  readonly level: string
  /** Undefined for what no file holds. */
  readonly place: Place | undefined
}

/** A variable of a host: the value that wins, and those that it shadows. */
export interface ExplainedVariable extends GivenValue {
  readonly name: string
  /** What `{{ }}` in it come to, or why not; undefined where it holds none. */
  readonly rendered: { readonly value: unknown } | { readonly reason: string } | undefined
  /** Lowest first. */
  readonly shadowed: readonly GivenValue[]
}

/** All variables of the layers by name; `scope` is what the host sees, and renders. */
export function explainVariables(
  layers: readonly VariableLayer[],
  scope: Scope,
  origins: VariableOrigins,
): readonly ExplainedVariable[] {
  const names = [...new Set(layers.flatMap(({ variables }) => [...variables.keys()]))].toSorted()
  return names.flatMap(name => {
    const given = layers.flatMap(({ level, variables }) => {
      const binding = variables.get(name)
      return binding === undefined ? [] : [{ level, binding }]
    })
    const winner = given.at(-1)
    if (winner === undefined) return []
    const shown = given.map(({ level, binding }) => ({
      value: writtenValue(name, binding, origins),
      level,
      place: origins.of(binding)?.place,
    }))
    const [won] = shown.slice(-1)
    if (won === undefined) return []
    const rendered = holdsExpression(winner.binding, origins) ? render(name, scope) : undefined
    return [{ name, ...won, rendered, shadowed: shown.slice(0, -1) }]
  })
}

function render(
  name: string,
  scope: Scope,
): { readonly value: unknown } | { readonly reason: string } {
  try {
    const value = scope.get(name)
    if (hasUnknown(value)) return { reason: 'it is known when it runs' }
    return { value: masked(name, value) }
  } catch (error) {
    return { reason: asBkpError(error).message }
  }
}

/** True where something is rendered: text tagged `!unsafe` is not. */
function holdsExpression(binding: Binding, origins: VariableOrigins): boolean {
  if ('literal' in binding) return false
  const origin = origins.of(binding)
  const holds = (tree: Tree, path: DocumentPath): boolean => {
    if (isTemplate(tree)) return !(origin?.isUnsafe(path) ?? false)
    if (Array.isArray(tree)) return tree.some((item, at) => holds(item as Tree, [...path, at]))
    if (!isRecord(tree)) return false
    return Object.entries(tree).some(([key, inner]) => holds(inner as Tree, [...path, key]))
  }
  return holds(binding.tree, [])
}
