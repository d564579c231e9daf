import { isRecord } from '../../base/json.ts'
import type { PlayLock, StepId } from '../contract.ts'
import { type Entry, fault, type PlaybookContext, rememberArguments, treeAt } from './context.ts'

/** Under which id the place of a play's lock is kept. */
export function lockId(play: StepId): string {
  return `${play}/lock`
}

/** `lock` of a play: the name that one run at a time may have, and the storage that knows of it. */
export function lockAt(context: PlaybookContext, entry: Entry, play: StepId): PlayLock | undefined {
  const value = entry.value['lock']
  // Anything but a map was told by the schema of the keyword.
  if (!isRecord(value)) return undefined
  const path = [...entry.path, 'lock']
  rememberArguments(context, lockId(play), path)
  const inner: Entry = { value, path }
  const name = treeAt(context, inner, 'name')
  const storage = treeAt(context, inner, 'storage')
  if (name === undefined) return undefined
  if (typeof name === 'string' && /^\s+$/.test(name)) {
    fault(context, 'the name of a lock cannot be blank', [...path, 'name'])
  }
  return Object.freeze(storage === undefined ? { name } : { name, storage })
}
