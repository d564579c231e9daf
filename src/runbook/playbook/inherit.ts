import { becomeAt } from './become.ts'
import { conditionsAt, ignoreErrorsAt } from './conditions.ts'
import { type Entry, flagAt, type Inherited, type PlaybookContext, tagsAt } from './context.ts'
import { durationAt } from './durations.ts'
import { variablesAt } from './variables.ts'

/** What encloses a block or task, with its own keywords folded in. */
export function withOwn(context: PlaybookContext, entry: Entry, inherited: Inherited): Inherited {
  const vars = variablesAt(context, entry)
  return {
    when: [...inherited.when, ...(conditionsAt(context, entry, 'when') ?? [])],
    vars: vars.size === 0 ? inherited.vars : [...inherited.vars, vars],
    ignoreErrors: ignoreErrorsAt(context, entry, inherited.ignoreErrors),
    anyErrorsFatal: flagAt(context, entry, 'any_errors_fatal', inherited.anyErrorsFatal),
    runOnce: flagAt(context, entry, 'run_once', inherited.runOnce),
    noLog: flagAt(context, entry, 'no_log', inherited.noLog),
    ...becomeAt(context, entry, inherited),
    timeoutMs: durationAt(context, entry, 'timeout') ?? inherited.timeoutMs,
    tags: [...new Set([...inherited.tags, ...tagsAt(entry)])],
  }
}
