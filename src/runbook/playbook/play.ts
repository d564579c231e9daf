import type { Play } from '../contract.ts'
import { compileValue, mergeVariables } from '../inventory/variables.ts'
import { batchesAt } from './batches.ts'
import { confirmAt } from './confirm.ts'
import {
  checkKeywords,
  type Entry,
  fault,
  type PlaybookContext,
  tagsAt,
  treeAt,
} from './context.ts'
import { durationAt } from './durations.ts'
import { given } from './given.ts'
import { checkHandlers, readHandlers } from './handlers.ts'
import { outermost, sharedAt } from './inherit.ts'
import { lockAt } from './lock.ts'
import { promptsAt } from './prompts.ts'
import { joinSections } from './sections.ts'
import { readSteps } from './steps.ts'
import { checkStrategy } from './strategy.ts'
import { variableFilesAt, variablesAt } from './variables.ts'

/** One play, with everything in it. */
export function readPlay(outer: PlaybookContext, entry: Entry, id: string): Play {
  const context: PlaybookContext = { ...outer, notified: [] }
  checkKeywords(context, entry, 'play')
  if (entry.value['gather_facts'] === true) {
    fault(context, 'bkp gathers no facts', [...entry.path, 'gather_facts'], {
      hint: 'write gather_facts: false, or leave it out',
    })
  }
  const inherited = sharedAt(context, entry, outermost)
  const vars = mergeVariables([variablesAt(context, entry), variableFilesAt(context, entry)])
  const batches = batchesAt(context, entry)
  const section = (name: string) =>
    readSteps(context, entry.value[name], [...entry.path, name], `${id}/${name}`, inherited)
  const handlers = readHandlers(
    context,
    entry.value['handlers'],
    [...entry.path, 'handlers'],
    `${id}/handlers`,
    inherited,
  )
  const steps = {
    pre_tasks: section('pre_tasks'),
    tasks: section('tasks'),
    post_tasks: section('post_tasks'),
  }
  checkHandlers(context, handlers)
  const play: Play = {
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
    tasks: joinSections(context, entry, id, inherited, {
      steps,
      handlers,
      forceHandlers: batches.forceHandlers ?? false,
    }),
    ...batches,
    ...given({
      handlers: handlers.length === 0 ? undefined : handlers,
      prompts: promptsAt(context, entry),
      tags: entry.value['tags'] === undefined ? undefined : tagsAt(entry),
    }),
    confirm: confirmAt(context, entry),
    lock: lockAt(context, entry, id),
    timeoutMs: durationAt(context, entry, 'timeout'),
    anyErrorsFatal: inherited.anyErrorsFatal,
  }
  checkStrategy(context, play)
  return Object.freeze(play)
}
