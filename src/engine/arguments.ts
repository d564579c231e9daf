import { isRecord } from '../base/json.ts'
import { isExpression, isTemplate, type Scope, type Tree } from '../expression/contract.ts'
import { evaluate } from '../expression/evaluate.ts'
import { renderTree } from '../expression/tree.ts'
import { omit } from './variables.ts'

/**
 * Renders a step's arguments. Bare expressions (conditions of an assert) arrive at the module as
 * `{ source, value }`; an argument whose value is `omit` counts as not given.
 */
export function renderArguments(args: Tree, scope: Scope): unknown {
  if (isExpression(args)) return { source: args.source, value: evaluate(args, scope) }
  if (isTemplate(args)) return renderTree(args, scope)
  if (Array.isArray(args)) {
    return args.map((element: Tree) => renderArguments(element, scope)).filter(isGiven)
  }
  if (!isRecord(args)) return renderTree(args, scope)
  return Object.fromEntries(
    Object.entries(args)
      .map(([name, inner]): [string, unknown] => [name, renderArguments(inner as Tree, scope)])
      .filter(([, value]) => isGiven(value)),
  )
}

function isGiven(value: unknown): boolean {
  return value !== omit
}
