import type { ModuleEntry } from '../../modules/catalogue.ts'
import { expressionsOfTask, expressionsOfVariable } from '../check/uses.ts'
import type { Task } from '../contract.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'
import { durationAt } from './durations.ts'

/** What a deadline stands beside. */
interface Guarded {
  readonly module: ModuleEntry
  readonly register: string | undefined
  readonly release: Task | undefined
}

/** A watchdog looks once a second. */
const shortestMs = 1000

/**
 * `deadline` of a task in milliseconds. What the watchdog runs is the task's release, and it is handed
 * over before the task runs: the release may not need what the task will give.
 */
export function deadlineAt(
  context: PlaybookContext,
  entry: Entry,
  { module, register, release }: Guarded,
): number | undefined {
  const milliseconds = durationAt(context, entry, 'deadline')
  if (milliseconds === undefined) return undefined
  const path = [...entry.path, 'deadline']
  if (milliseconds > 0 && milliseconds < shortestMs) {
    fault(context, '"deadline" must be at least 1s', path)
  }
  if (entry.value['release'] === undefined) {
    fault(context, 'a deadline needs a release: the task that the host runs by itself then', path, {
      at: 'key',
      hint: 'add "release:" with the task that lets go of what this one holds',
    })
    return milliseconds
  }
  for (const [what, scope] of [
    [`module "${module.name}"`, module.scope],
    [`the release, module "${release?.module}",`, release?.scope],
  ] as const) {
    if (scope !== 'cluster') continue
    fault(context, `${what} works on all hosts at once, and a deadline is kept by one host`, path, {
      at: 'key',
      hint: 'leave the deadline out, or use a module that runs on a host',
    })
  }
  if (release === undefined || register === undefined) return milliseconds
  if (usesName(release, register)) {
    const message = `the release uses "${register}", which is known only when the task has run: a deadline needs the release before`
    fault(context, message, [...entry.path, 'release'], {
      hint: 'write the release without the result of its task, or leave the deadline out',
    })
  }
  return milliseconds
}

/** Whether a task uses a variable, in its own expressions or through its variables. */
function usesName(task: Task, name: string): boolean {
  const seen = new Set<string>()
  const open = expressionsOfTask(task).flatMap(({ roots }) => [...roots])
  for (let root = open.pop(); root !== undefined; root = open.pop()) {
    if (root === name) return true
    if (seen.has(root)) continue
    seen.add(root)
    open.push(...expressionsOfVariable(task.vars, root).flatMap(({ roots }) => [...roots]))
  }
  return false
}
