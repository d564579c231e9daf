import { type Node, nameOf } from '../../../expression/ast.ts'
import type { Type } from './type.ts'

/** What is told of a part of an expression that is certain to be wrong. */
export interface TypeFault {
  readonly node: Pick<Node, 'start' | 'end'>
  readonly message: string
  readonly hint: string | undefined
}

/** What an expression is looked at with. */
export interface Inference {
  typeOf(name: string): Type
  /** Fields that some expression asks for before it is used: they may be missing. */
  readonly asked: ReadonlySet<string>
  report(fault: TypeFault): void
}

/** Looks at a tree: calls look at their arguments with names of their own. */
export type Infer = (node: Node, inference: Inference) => Type

/** A condition, an operand of `&&`, what `filter` asks. */
export function requireBool(node: Node, type: Type, inference: Inference): void {
  if (type.kind === 'any' || type.kind === 'bool') return
  const message = `must be true or false, is a ${type.kind}`
  inference.report({ node, message, hint: comparison(node, type) })
}

/** The comparison that was probably meant. */
function comparison(node: Node, type: Type): string {
  const path = pathOf(node)
  if (path === undefined) return 'compare it: CEL does not take values for true or false'
  if (type.kind === 'string') return `compare it: ${path} != ""`
  return type.kind === 'number' ? `compare it: ${path} != 0` : `compare it: size(${path}) > 0`
}

/** `a.b[0].c` as it is written; undefined for other expressions. */
export function pathOf(node: Node): string | undefined {
  const name = nameOf(node)
  if (name !== undefined) return name
  if (node.op !== '.' && node.op !== '[]') return undefined
  const [inner, last] = node.args as readonly [Node, string | Node]
  const path = pathOf(inner)
  if (path === undefined) return undefined
  if (typeof last === 'string') return `${path}.${last}`
  return last.op === 'value' && typeof last.args === 'bigint' ? `${path}[${last.args}]` : undefined
}
