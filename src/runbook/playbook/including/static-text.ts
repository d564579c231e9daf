import { BkpError } from '../../../base/errors.ts'
import {
  type Expression,
  isExpression,
  isTemplate,
  parts,
  type Tree,
  type Variables,
} from '../../../expression/contract.ts'
import { createScope, literal } from '../../../expression/scope.ts'
import { renderTree } from '../../../expression/tree.ts'

/** Literal texts and expressions of a text, in turn. */
export function piecesOf(tree: Tree): readonly (string | Expression)[] {
  if (!isTemplate(tree)) return typeof tree === 'string' ? [tree] : []
  const content = tree[parts]
  return isExpression(content) ? [content] : content
}

/** The text that a value comes to with these variables alone; undefined where it needs others. */
export function staticText(tree: Tree, layers: readonly Variables[]): string | undefined {
  const text = staticValue(tree, layers)
  return typeof text === 'string' ? text : undefined
}

function staticValue(tree: Tree, layers: readonly Variables[]): unknown {
  try {
    return renderTree(tree, createScope(layers))
  } catch (error) {
    if (error instanceof BkpError) return undefined
    throw error
  }
}

/** What an include's target may need: the loop of its task, and variables, lowest first. */
export interface Known {
  readonly loop: Tree | undefined
  readonly loopVar: string
  readonly layers: readonly Variables[]
}

/**
 * What a value comes to with these variables alone, for each item of the loop where it is of one.
 * Undefined where it needs more.
 */
export function knownTexts(
  tree: Tree,
  { loop, loopVar, layers }: Known,
): readonly string[] | undefined {
  const text = staticText(tree, layers)
  if (text !== undefined) return [text]
  const items = loop === undefined ? undefined : staticValue(loop, layers)
  if (!Array.isArray(items)) return undefined
  const texts = items.map(item =>
    staticText(tree, [...layers, new Map([[loopVar, literal(item)]])]),
  )
  return texts.every(each => each !== undefined) ? [...new Set(texts)] : undefined
}
