import { dirname, resolve } from 'node:path'
import type { Place } from '../../base/errors.ts'
import type { Variables } from '../../expression/contract.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import type { Playbook, SecretSources, StepId } from '../contract.ts'
import { createFaults, throwAll } from '../faults.ts'
import type { FileAccess } from '../file-access.ts'
import type { VariableOrigins } from '../inventory/origins.ts'
import { loadKeywordSchemas } from '../schema-files.ts'
import { parseYaml } from '../yaml/yaml-document.ts'
import type { PlaybookContext } from './context.ts'
import { readHandlers } from './handlers.ts'
import { playsOf } from './including/playbooks.ts'
import { noPlay } from './including/standing.ts'
import { readPlay } from './play.ts'
import { readSteps } from './steps.ts'

/** Where a playbook comes from, and what reading it needs. */
export interface PlaybookOptions {
  readonly path: string
  readonly source: Uint8Array | string
  readonly catalogue: ModuleCatalogue
  readonly files: FileAccess
  readonly secrets: SecretSources
  /** Of `-e`: names of files that steps put in place may need them. */
  readonly extraVars?: Variables
  /** Keeps what runs do not need: where each variable was written, and what it shadows in its play. */
  readonly origins?: VariableOrigins
  /** Of the command line, for plays that do not say. */
  readonly forceHandlers?: boolean
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
  const folder = dirname(resolve(options.path))
  const context: PlaybookContext = {
    document,
    catalogue: options.catalogue,
    keywords: loadKeywordSchemas(),
    files: options.files,
    secrets: options.secrets,
    faults: createFaults(),
    warnings: [...document.warnings],
    ...(options.origins === undefined ? {} : { origins: options.origins }),
    documents: [{ path: options.path, text: document.text }],
    notified: [],
    argumentPaths: new Map(),
    standing: {
      shared: {
        folder,
        extraVars: options.extraVars ?? new Map(),
        forceHandlers: options.forceHandlers ?? false,
        read: new Map(),
        lists: 0,
        readSteps,
        readHandlers,
      },
      files: [resolve(options.path)],
      folder,
      playVars: new Map(),
      play: noPlay,
      section: 'tasks',
    },
  }
  const plays = playsOf(context).map((play, index) =>
    readPlay(play.context, play.entry, `/${index}`),
  )
  throwAll(context.faults.list, options.path)
  return {
    playbook: Object.freeze({ path: options.path, plays, documents: context.documents }),
    warnings: context.warnings,
    argumentPlace: (of, argument) => {
      const found = context.argumentPaths.get(of) ?? { document, path: [] }
      return found.document.place([...found.path, argument])
    },
  }
}
