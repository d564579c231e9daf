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
  try {
    const text = renderTree(tree, createScope(layers))
    return typeof text === 'string' ? text : undefined
  } catch (error) {
    if (error instanceof BkpError) return undefined
    throw error
  }
}

/**
 * What a value comes to where that is certain: with `-e` alone, or for each item of a plain list.
 * Undefined where it needs more.
 */
export function knownTexts(
  tree: Tree,
  loop: unknown,
  loopVar: string,
  extraVars: Variables,
): readonly string[] | undefined {
  const text = staticText(tree, [extraVars])
  return text === undefined ? loopTexts(tree, loop, loopVar, extraVars) : [text]
}

function loopTexts(
  tree: Tree,
  loop: unknown,
  loopVar: string,
  extraVars: Variables,
): readonly string[] | undefined {
  if (!Array.isArray(loop) || JSON.stringify(loop).includes('{{')) return undefined
  const texts = loop.map(item => staticText(tree, [new Map([[loopVar, literal(item)]]), extraVars]))
  return texts.every(text => text !== undefined) ? [...new Set(texts)] : undefined
}
