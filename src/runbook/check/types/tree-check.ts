import { BkpError } from '../../../base/errors.ts'
import { isRecord } from '../../../base/json.ts'
import { syntaxOf } from '../../../expression/compile.ts'
import {
  type Expression,
  isExpression,
  isTemplate,
  parts,
  type Tree,
} from '../../../expression/contract.ts'
import { typeOfTree } from './from-tree.ts'
import { infer } from './infer.ts'
import { type Inference, requireBool, type TypeFault } from './inference.ts'
import { any, type Type } from './type.ts'
import { isOpen, isVariable, type VariableTypes } from './variables.ts'

/** Tells what is certain to fail in expressions and in the values that hold them. */
export interface TreeCheck {
  condition(expression: Expression): void
  /** All expressions of a value; its type. */
  tree(tree: Tree | undefined): Type
}

/** Checks expressions in which some names stand for something of their own. */
export function createTreeCheck(
  variables: VariableTypes,
  around: ReadonlyMap<string, Type>,
  add: (fault: BkpError) => void,
): TreeCheck {
  function inferenceFor(expression: Expression): Inference {
    const report = (fault: TypeFault) => add(faultAt(expression, fault))
    const typeOf = (name: string) =>
      isVariable(expression, name) ? (around.get(name) ?? variables.of(name)) : any
    return { typeOf, asked: variables.asked, report }
  }

  function typed(expression: Expression): Type {
    return isOpen(expression) ? any : infer(syntaxOf(expression), inferenceFor(expression))
  }

  function condition(expression: Expression): void {
    if (isOpen(expression)) return
    const node = syntaxOf(expression)
    const inference = inferenceFor(expression)
    requireBool(node, infer(node, inference), inference)
  }

  function printed(expression: Expression): void {
    const type = typed(expression)
    if (type.kind !== 'list' && type.kind !== 'map') return
    add(
      faultAt(expression, {
        node: { start: 0, end: expression.source.length },
        message: `only texts, numbers and booleans print inside text; this is a ${type.kind}`,
        hint: `use json(${expression.source}); or, to keep the value itself, put nothing around the {{ }}`,
      }),
    )
  }

  function visit(tree: Tree): void {
    if (isExpression(tree)) condition(tree)
    else if (isTemplate(tree)) {
      const content = tree[parts]
      if (isExpression(content)) typed(content)
      else for (const part of content) if (isExpression(part)) printed(part)
    } else if (Array.isArray(tree)) for (const inner of tree) visit(inner as Tree)
    else if (isRecord(tree)) for (const inner of Object.values(tree)) visit(inner as Tree)
  }

  return Object.freeze({
    condition,
    tree: (tree: Tree | undefined) => {
      if (tree === undefined) return any
      visit(tree)
      return typeOfTree(tree, each => variables.ofExpression(each, around))
    },
  })
}

/** A fault of an expression with its place. */
export function faultAt(expression: Expression, { node, message, hint }: TypeFault): BkpError {
  const place = expression.placeOf?.(node.start, Math.max(node.end, node.start + 1))
  return new BkpError('expression.invalid', message, {
    ...(hint === undefined ? {} : { hint }),
    ...(place === undefined ? {} : { place }),
  })
}
