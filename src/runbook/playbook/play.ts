import type { Play } from '../contract.ts'
import { compileValue, mergeVariables } from '../inventory/variables.ts'
import { becomeAt } from './become.ts'
import { ignoreErrorsAt } from './conditions.ts'
import { confirmAt } from './confirm.ts'
import {
  checkKeywords,
  type Entry,
  fault,
  flagAt,
  type Inherited,
  type PlaybookContext,
  tagsAt,
  treeAt,
} from './context.ts'
import { durationAt } from './durations.ts'
import { lockAt } from './lock.ts'
import { readSteps } from './steps.ts'
import { variableFilesAt, variablesAt } from './variables.ts'

/** One play, with everything in it. */
export function readPlay(context: PlaybookContext, entry: Entry, id: string): Play {
  checkKeywords(context, entry, 'play')
  if (entry.value['gather_facts'] === true) {
    fault(context, 'bkp gathers no facts', [...entry.path, 'gather_facts'], {
      hint: 'write gather_facts: false, or leave it out',
    })
  }
  const inherited: Inherited = {
    when: [],
    vars: [],
    ignoreErrors: ignoreErrorsAt(context, entry, false),
    anyErrorsFatal: flagAt(context, entry, 'any_errors_fatal', false),
    runOnce: flagAt(context, entry, 'run_once', false),
    noLog: flagAt(context, entry, 'no_log', false),
    ...becomeAt(context, entry, {}),
    timeoutMs: undefined,
    tags: tagsAt(entry),
  }
  const vars = mergeVariables([variablesAt(context, entry), variableFilesAt(context, entry)])
  const path = [...entry.path, 'tasks']
  return Object.freeze({
    id,
    place: context.document.place(entry.path),
    name: treeAt(context, entry, 'name'),
    hosts:
      compileValue(
        context.document,
        entry.value['hosts'],
        [...entry.path, 'hosts'],
        context.faults,
      ) ?? '',
    vars,
    tasks: readSteps(context, entry.value['tasks'], path, `${id}/tasks`, inherited),
    confirm: confirmAt(context, entry),
    lock: lockAt(context, entry, id),
    timeoutMs: durationAt(context, entry, 'timeout'),
    anyErrorsFatal: inherited.anyErrorsFatal,
  })
}
