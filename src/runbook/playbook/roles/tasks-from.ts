import { join } from 'node:path'
import type { Expression } from '../../../expression/contract.ts'
import { fault } from '../context.ts'
import { fitting, isTooOpen, segmentsOf } from '../including/find-tasks.ts'
import { shownPath } from '../including/inner-document.ts'
import type { NamedRole } from './entry.ts'
import type { FoundRole } from './find-role.ts'

const extension = /\.(?:ya?ml|json)$/

/**
 * What a computed `tasks_from` may come to: names of files of a role's tasks, each with its extension and
 * without it. Undefined after a fault.
 */
export function findTasksOfRole(
  { context, path: at, args }: NamedRole,
  { path: role }: FoundRole,
  pieces: readonly (string | Expression)[],
): readonly string[] | undefined {
  const path = args === undefined ? at : [...args, 'tasks_from']
  if (isTooOpen(pieces)) {
    fault(context, 'which files this may come to cannot be told: all of it is computed', path, {
      hint: 'keep a part of tasks_from in plain text, such as setup-{{ os }}',
    })
    return undefined
  }
  const folder = join(role, 'tasks')
  const last = pieces.at(-1)
  const bare = typeof last !== 'string' || !extension.test(last)
  const patterns = bare ? ['.yml', '.yaml', '.json', ''] : ['']
  const found = patterns.flatMap(suffix =>
    fitting(context, folder, segmentsOf([...pieces, suffix]), 'file').flatMap(({ text }) =>
      suffix === '' ? [text] : [text.slice(0, -suffix.length)],
    ),
  )
  if (found.length === 0) {
    fault(context, 'no file of tasks fits "tasks_from"', path, {
      hint: `looked in ${shownPath(context, folder)}`,
    })
    return undefined
  }
  return [...new Set(found)]
}
