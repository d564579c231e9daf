import type { Play } from '../contract.ts'
import { compileValue, mergeVariables } from '../inventory/variables.ts'
import { batchesAt } from './batches.ts'
import { confirmAt } from './confirm.ts'
import {
  checkKeywords,
  type Entry,
  fault,
  type Inherited,
  type PlaybookContext,
  treeAt,
} from './context.ts'
import { durationAt } from './durations.ts'
import { given } from './given.ts'
import { checkHandlers, readHandlers } from './handlers.ts'
import { enterPlay } from './including/standing.ts'
import { outermost, sharedAt } from './inherit.ts'
import { lockAt } from './lock.ts'
import { promptsAt } from './prompts.ts'
import { gathered } from './roles/gathered.ts'
import { readRoles } from './roles/play-roles.ts'
import { joinSections } from './sections.ts'
import { readSteps } from './steps.ts'
import { checkStrategy } from './strategy.ts'
import { variableFilesAt, variablesAt } from './variables.ts'

/** One play, with everything in it. */
export function readPlay(outer: PlaybookContext, entry: Entry, id: string): Play {
  checkKeywords(outer, entry, 'play')
  const { imported } = outer.standing
  const ofPlay = variablesAt(outer, entry)
  const ofImport = imported?.vars ?? new Map()
  const files = variableFilesAt(outer, entry)
  const filed = mergeVariables(files)
  const vars = mergeVariables([ofPlay, ofImport, filed])
  const context = enterPlay(outer, vars)
  if (entry.value['gather_facts'] === true) {
    fault(context, 'bkp gathers no facts', [...entry.path, 'gather_facts'], {
      hint: 'write gather_facts: false, or leave it out',
    })
  }
  const inherited = sharedAt(context, entry, { ...outermost, tags: imported?.tags ?? [] })
  const conditional: Inherited = { ...inherited, when: imported?.when ?? [] }
  const batches = batchesAt(context, entry)
  const section = (name: string) =>
    readSteps(context, entry.value[name], [...entry.path, name], `${id}/${name}`, conditional)
  const own = readHandlers(
    context,
    entry.value['handlers'],
    [...entry.path, 'handlers'],
    `${id}/handlers`,
    inherited,
  )
  const steps = {
    pre_tasks: section('pre_tasks'),
    tasks: [...readRoles(context, entry, id, conditional), ...section('tasks')],
    post_tasks: section('post_tasks'),
  }
  const { handlers, ...ofRoles } = gathered(context, own)
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
      forceHandlers: batches.forceHandlers ?? context.standing.shared.forceHandlers,
    }),
    ...batches,
    ...ofRoles,
    ...given({
      handlers: handlers.length === 0 ? undefined : handlers,
      prompts: promptsAt(context, entry, filed),
      tags: inherited.tags.length === 0 ? undefined : inherited.tags,
      directory: imported === undefined ? undefined : context.standing.folder,
      varLayers:
        outer.origins === undefined
          ? undefined
          : [
              { level: 'vars of the play', variables: ofPlay },
              { level: 'vars of import_playbook', variables: ofImport },
              ...files.map(variables => ({ level: 'vars_files of the play', variables })),
            ],
    }),
    confirm: confirmAt(context, entry),
    lock: lockAt(context, entry, id),
    timeoutMs: durationAt(context, entry, 'timeout'),
    anyErrorsFatal: inherited.anyErrorsFatal,
  }
  checkStrategy(context, play)
  return Object.freeze(play)
}
