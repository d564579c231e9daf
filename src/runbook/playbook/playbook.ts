import type { Place } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import type { Play, Playbook, SecretSources, StepId } from '../contract.ts'
import { createFaults, throwAll } from '../faults.ts'
import type { FileAccess } from '../file-access.ts'
import { describeKind } from '../schema/messages.ts'
import { loadKeywordSchemas } from '../schema-files.ts'
import { parseYaml } from '../yaml/yaml-document.ts'
import { fault, type PlaybookContext } from './context.ts'
import { readPlay } from './play.ts'

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
    notified: [],
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
