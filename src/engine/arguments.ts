import { isRecord } from '../base/json.ts'
import type { Scope, Tree } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import { omit } from './variables.ts'

/** Renders a step's arguments; an argument whose value is `omit` counts as not given. */
export function renderArguments(args: Tree, scope: Scope): unknown {
  return withoutOmitted(renderTree(args, scope))
}

function withoutOmitted(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter(inner => inner !== omit).map(withoutOmitted)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== omit)
      .map(([name, inner]) => [name, withoutOmitted(inner)]),
  )
}
