import { isRecord } from '../../../base/json.ts'
import { Secret } from '../../../base/secret.ts'
import {
  type Binding,
  type Expression,
  isExpression,
  isTemplate,
  parts,
  type Tree,
} from '../../../expression/contract.ts'
import { any, bool, closedMap, joinAll, listOf, number, openMap, type Type, text } from './type.ts'

/** The type that an expression has, whatever it is asked for. */
export type TypeOfExpression = (expression: Expression) => Type

/** The type of a value as a file has it, expressions in it included. Conditions are true or false. */
export function typeOfTree(tree: Tree, ofExpression: TypeOfExpression): Type {
  if (isExpression(tree)) return bool
  // What says "nothing" is there to be replaced, and says no type.
  if (isNothing(tree)) return any
  if (isTemplate(tree)) {
    const content = tree[parts]
    return isExpression(content) ? ofExpression(content) : text
  }
  if (Array.isArray(tree)) {
    return listOf(joinAll(tree.map(inner => typeOfTree(inner as Tree, ofExpression))))
  }
  if (isRecord(tree)) {
    const fields = Object.entries(tree).map(
      ([name, inner]) => [name, typeOfTree(inner as Tree, ofExpression)] as const,
    )
    return fields.length === 0 ? openMap() : closedMap(new Map(fields))
  }
  return typeOfScalar(tree)
}

/** The type of a variable. */
export function typeOfBinding(binding: Binding, ofExpression: TypeOfExpression): Type {
  if ('tree' in binding) return typeOfTree(binding.tree, ofExpression)
  const { literal } = binding
  return isNothing(literal) ? any : typeOfData(literal)
}

function isNothing(value: unknown): boolean {
  if (value === null || value === '' || value === false) return true
  if (Array.isArray(value)) return value.length === 0
  return isRecord(value) && !isTemplate(value) && Object.keys(value).length === 0
}

/** Data of `-e` is looked at no deeper than its kind: whoever gives it knows what is in it. */
function typeOfData(value: unknown): Type {
  if (Array.isArray(value)) return listOf(any)
  if (isRecord(value)) return openMap()
  return typeOfScalar(value)
}

function typeOfScalar(value: unknown): Type {
  if (typeof value === 'string' || value instanceof Secret) return text
  if (typeof value === 'number' || typeof value === 'bigint') return number
  return typeof value === 'boolean' ? bool : any
}
