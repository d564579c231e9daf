import { becomeAt } from './become.ts'
import { conditionsAt, ignoreErrorsAt } from './conditions.ts'
import { type Entry, flagAt, type Inherited, type PlaybookContext, tagsAt } from './context.ts'
import { delegationAt } from './delegation.ts'
import { durationAt } from './durations.ts'
import { environmentAt } from './environment.ts'
import { given } from './given.ts'
import { moduleDefaultsAt } from './module-defaults.ts'
import { notifyAt } from './notify.ts'
import { numberAt } from './numbers.ts'
import { reachAt } from './reach.ts'
import { variablesAt } from './variables.ts'

/** What a play is read with: nothing encloses it. */
export const outermost: Inherited = {
  when: [],
  vars: [],
  ignoreErrors: false,
  anyErrorsFatal: false,
  runOnce: false,
  noLog: false,
  timeoutMs: undefined,
  tags: [],
  moduleDefaults: [],
}

/** What encloses a block or task, with its own keywords folded in. */
export function withOwn(context: PlaybookContext, entry: Entry, inherited: Inherited): Inherited {
  const vars = variablesAt(context, entry)
  const { timeoutMs } = inherited
  return {
    ...sharedAt(context, entry, inherited),
    when: [...inherited.when, ...(conditionsAt(context, entry, 'when') ?? [])],
    vars: vars.size === 0 ? inherited.vars : [...inherited.vars, vars],
    timeoutMs: durationAt(context, entry, 'timeout') ?? timeoutMs,
    ...delegationAt(context, entry, inherited),
    ...given({ notify: notifyAt(context, entry) ?? inherited.notify }),
  }
}

/** The same of a play: the keywords that it shares with blocks and tasks. */
export function sharedAt(context: PlaybookContext, entry: Entry, inherited: Inherited): Inherited {
  const flag = (key: string, otherwise: boolean | undefined) =>
    entry.value[key] === undefined ? otherwise : flagAt(context, entry, key, otherwise ?? false)
  return {
    ...inherited,
    ignoreErrors: ignoreErrorsAt(context, entry, inherited.ignoreErrors),
    anyErrorsFatal: flagAt(context, entry, 'any_errors_fatal', inherited.anyErrorsFatal),
    runOnce: flagAt(context, entry, 'run_once', inherited.runOnce),
    noLog: flagAt(context, entry, 'no_log', inherited.noLog),
    ...becomeAt(context, entry, inherited),
    tags: [...new Set([...inherited.tags, ...tagsAt(entry)])],
    ...given({
      throttle: numberAt(context, entry, 'throttle') ?? inherited.throttle,
      environment: environmentAt(context, entry, inherited.environment),
      ignoreUnreachable: flag('ignore_unreachable', inherited.ignoreUnreachable),
      checkMode: flag('check_mode', inherited.checkMode),
      diff: flag('diff', inherited.diff),
      reach: reachAt(context, entry, inherited.reach),
    }),
    moduleDefaults: [...inherited.moduleDefaults, ...moduleDefaultsAt(context, entry)],
  }
}

/** What a task takes over as it is: the rest is only for reading. */
export function folded(inherited: Inherited): Omit<Inherited, 'moduleDefaults'> {
  const { moduleDefaults: _, ...fields } = inherited
  return fields
}
