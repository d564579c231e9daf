import type { Expression, Tree } from '../../../expression/contract.ts'
import type { Entry, Inherited, PlaybookContext } from '../context.ts'
import { loopAt, loopControlAt } from '../loop.ts'
import { isTooOpen } from './find-tasks.ts'
import { knownTexts } from './static-text.ts'

/**
 * The texts that the target of an include comes to, where its file or role can be told by them: with `-e`
 * alone, or for each item of a plain list. Where nothing of the name is plain text, what the variables of
 * the play make of it; a host for which it is another finds nothing to include.
 */
export function targetTexts(
  context: PlaybookContext,
  entry: Entry,
  { vars }: Inherited,
  target: { readonly tree: Tree; readonly pieces: readonly (string | Expression)[] },
): readonly string[] | undefined {
  const { playVars, shared } = context.standing
  const loop = loopAt(context, entry)
  const { loopVar } = loopControlAt(context, entry)
  const certain = knownTexts(target.tree, { loop, loopVar, layers: [shared.extraVars] })
  if (certain !== undefined || !isTooOpen(target.pieces)) return certain
  return knownTexts(target.tree, { loop, loopVar, layers: [playVars, ...vars, shared.extraVars] })
}
