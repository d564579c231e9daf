import type { Task } from '../contract.ts'
import { conditionsAt } from './conditions.ts'
import { type Entry, type PlaybookContext, warn } from './context.ts'
import { given } from './given.ts'
import { numberAt } from './numbers.ts'

/** What Ansible does where `until` says only what is waited for (specs/engine.md a.5). */
const defaults = { retries: 3, delaySeconds: 5 } as const

/** `until`, `retries` and `delay`: `retries` alone tries again until the task does not fail. */
export function repeatAt(
  context: PlaybookContext,
  entry: Entry,
): Pick<Task, 'until' | 'retries' | 'delay'> {
  const until = conditionsAt(context, entry, 'until')
  const retries = numberAt(context, entry, 'retries')
  const delay = numberAt(context, entry, 'delay')
  if (until === undefined && retries === undefined) {
    if (delay !== undefined) {
      warn(context, '"delay" has no effect without "until" or "retries"', [...entry.path, 'delay'])
    }
    return {}
  }
  return given({
    until,
    retries: retries ?? defaults.retries,
    delay: delay ?? defaults.delaySeconds,
  })
}
