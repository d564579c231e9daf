import type { ModuleEntry } from '../../modules/catalogue.ts'
import type { Task } from '../contract.ts'
import { type Entry, fault, type PlaybookContext, warn } from './context.ts'
import { numberAt } from './numbers.ts'

/** What can go on by itself on a host: one command, whose end a file tells. */
const modules: readonly string[] = ['command', 'script', 'shell']

/** Ansible's `poll` where `async` is given without it. */
const defaultPollSeconds = 15

/** `async` and `poll` of a task. Zero seconds is not detached at all, as in Ansible. */
export function asyncAt(
  context: PlaybookContext,
  entry: Entry,
  module: ModuleEntry,
): Task['async'] | undefined {
  const seconds = numberAt(context, entry, 'async')
  const poll = numberAt(context, entry, 'poll')
  if (seconds === undefined || seconds === 0) {
    if (poll !== undefined && seconds === undefined) {
      warn(context, '"poll" has no effect without "async"', [...entry.path, 'poll'])
    }
    return undefined
  }
  if (!modules.includes(module.name)) {
    const message = `module "${module.name}" cannot run detached`
    fault(context, message, [...entry.path, 'async'], {
      at: 'key',
      hint: `only ${modules.join(', ')} can; leave "async" out and give the step a "timeout"`,
    })
    return undefined
  }
  return { seconds, poll: poll ?? defaultPollSeconds }
}
