import type { Place } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import type { Play, Playbook, SecretSources, StepId } from '../contract.ts'
import { createFaults, throwAll } from '../faults.ts'
import type { FileAccess } from '../file-access.ts'
import { compileValue, mergeVariables } from '../inventory/variables.ts'
import { describeKind } from '../schema/messages.ts'
import { loadKeywordSchemas } from '../schema-files.ts'
import { parseYaml } from '../yaml/yaml-document.ts'
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

/** Where a playbook comes from, and what reading it needs. */
export interface PlaybookOptions {
  readonly path: string
  readonly source: Uint8Array | string
  readonly catalogue: ModuleCatalogue
  readonly files: FileAccess
  readonly secrets: SecretSources
}

/** A playbook, and what to tell of it that is no fault. */
export interface ReadPlaybook {
  readonly playbook: Playbook
  readonly warnings: readonly string[]
  /** Where an argument of a task stands, or a part of the lock of a play. */
  argumentPlace(of: StepId, argument: string): Place
}

/**
 * Reads a playbook: keywords first, then each module's arguments by its schema, every expression
 * compiled.
 * @throws yaml.*, schema.invalid, expression.invalid, with every fault of the file
 */
export function readPlaybook(options: PlaybookOptions): ReadPlaybook {
  const document = parseYaml(options.path, options.source, 'playbook', options.secrets)
  const context: PlaybookContext = {
    document,
    catalogue: options.catalogue,
    keywords: loadKeywordSchemas(),
    files: options.files,
    secrets: options.secrets,
    faults: createFaults(),
    warnings: [...document.warnings],
    documents: [{ path: options.path, text: document.text }],
    argumentPaths: new Map(),
  }
  const plays = readPlays(context)
  throwAll(context.faults.list, options.path)
  return {
    playbook: Object.freeze({ path: options.path, plays, documents: context.documents }),
    warnings: context.warnings,
    argumentPlace: (of, argument) =>
      document.place([...(context.argumentPaths.get(of) ?? []), argument]),
  }
}

function readPlays(context: PlaybookContext): readonly Play[] {
  const { value } = context.document
  if (!Array.isArray(value)) {
    const message =
      value === null
        ? 'the playbook is empty'
        : `a playbook must be a list of plays, not ${describeKind(value)}`
    fault(context, message, [], { hint: 'begin each play with "- hosts: ..."' })
    return []
  }
  if (value.length === 0) fault(context, 'the playbook has no plays', [])
  return value.flatMap((item, index) => {
    if (isRecord(item) && Object.hasOwn(item, 'import_playbook')) {
      const path = [index, 'import_playbook']
      fault(context, 'the keyword "import_playbook" is not supported yet', path, { at: 'key' })
      return []
    }
    if (isRecord(item)) return [readPlay(context, { value: item, path: [index] }, `/${index}`)]
    fault(context, `a play must be a map, not ${describeKind(item)}`, [index], {
      hint: 'write "- hosts: ..." and its tasks below',
    })
    return []
  })
}

function readPlay(context: PlaybookContext, entry: Entry, id: string): Play {
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
