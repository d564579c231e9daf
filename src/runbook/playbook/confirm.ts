import { isRecord } from '../../base/json.ts'
import type { Confirm } from '../contract.ts'
import { compileValue } from '../inventory/variables.ts'
import { type Entry, type PlaybookContext, treeAt } from './context.ts'

/** `confirm` as a question, or a question and the word that must be typed. */
export function confirmAt(context: PlaybookContext, entry: Entry): Confirm | undefined {
  const value = entry.value['confirm']
  const path = [...entry.path, 'confirm']
  if (typeof value === 'string') {
    const question = compileValue(context.document, value, path, context.faults)
    return question === undefined ? undefined : { question }
  }
  if (!isRecord(value)) return undefined
  const inner: Entry = { value, path }
  const question = treeAt(context, inner, 'question')
  const type = treeAt(context, inner, 'type')
  if (question === undefined) return undefined
  return type === undefined ? { question } : { question, type }
}
