import type { Task } from '../contract.ts'
import { conditionAt } from './conditions.ts'
import { type Entry, type PlaybookContext, treeAt } from './context.ts'

/** Whom commands run as: of a play, block or task, or of what encloses it. */
export type BecomeKeywords = Pick<Task, 'become' | 'becomeUser'>

/** `become` and `become_user`, each inherited by itself; the method can only be sudo, says the schema. */
export function becomeAt(
  context: PlaybookContext,
  entry: Entry,
  inherited: BecomeKeywords,
): BecomeKeywords {
  const { become: given } = entry.value
  // Other shapes are told by the keyword's schema.
  const isCondition = typeof given === 'string' || typeof given === 'boolean'
  const own = isCondition ? conditionAt(context, given, [...entry.path, 'become']) : undefined
  const become = own ?? inherited.become
  const becomeUser = treeAt(context, entry, 'become_user') ?? inherited.becomeUser
  return {
    ...(become === undefined ? {} : { become }),
    ...(becomeUser === undefined ? {} : { becomeUser }),
  }
}
