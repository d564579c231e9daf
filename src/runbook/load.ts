import { BkpError } from '../base/errors.ts'
import type { Variables } from '../expression/contract.ts'
import type { ModuleCatalogue } from '../modules/catalogue.ts'
import { clearSecrets } from './check/clear-secrets.ts'
import { unanswered } from './check/computed-notify.ts'
import { readEarly } from './check/early-reads.ts'
import { typeFaults } from './check/expression-types.ts'
import { unknownParts } from './check/named-parts.ts'
import { undefinedRoots } from './check/undefined-roots.ts'
import { allVariables, sourcesOf } from './check/uses.ts'
import type { Inventory, SecretSources } from './contract.ts'
import { throwAll } from './faults.ts'
import type { FileAccess } from './file-access.ts'
import { type InventoryOptions, readInventory } from './inventory/inventory.ts'
import { type ReadPlaybook, readPlaybook } from './playbook/playbook.ts'

/** Where a playbook is, and what reading it needs. */
export interface LoadPlaybookOptions {
  readonly path: string
  readonly catalogue: ModuleCatalogue
  readonly files: FileAccess
  readonly secrets: SecretSources
  /** Of `-e`: names of files and roles may need them. */
  readonly extraVars?: Variables
  /** Of the command line, for plays that do not say. */
  readonly forceHandlers?: boolean
}

/**
 * Reads the inventories of a command line.
 * @throws usage.file_missing, yaml.*, inventory.invalid, schema.invalid, secret.unresolved
 */
export function loadInventory(options: InventoryOptions): Inventory {
  return readInventory(options)
}

/**
 * Reads a playbook file.
 * @throws usage.file_missing, yaml.*, schema.invalid, expression.invalid, secret.unresolved
 */
export function loadPlaybook(options: LoadPlaybookOptions): ReadPlaybook {
  if (options.files.kind(options.path) !== 'file') {
    throw new BkpError('usage.file_missing', `there is no playbook "${options.path}"`)
  }
  return readPlaybook({ ...options, source: options.files.read(options.path) })
}

/** A playbook and the inventory it is to run on. */
export interface RunbookParts {
  readonly playbook: ReadPlaybook
  /** Undefined where none was given: what depends on it is not checked then. */
  readonly inventory: Inventory | undefined
  readonly extraVars: Variables
  readonly catalogue: ModuleCatalogue
}

/**
 * Checks a playbook against its inventory before any host is touched: variables that nothing
 * defines, expressions and arguments of the wrong type, fields that results do not have, computed names
 * of handlers that none can have, clusters and storages that do not exist. Returns what to warn of:
 * results that are read before they are set, and secrets in plain text.
 * @throws expression.invalid, schema.invalid, with every fault
 */
export function checkRunbook(parts: RunbookParts): readonly string[] {
  const { playbook: read, inventory, extraVars, catalogue } = parts
  const { playbook } = read
  const layers = allVariables(playbook, inventory, extraVars)
  const sources = sourcesOf(playbook, layers)
  throwAll(
    [
      ...undefinedRoots(playbook, inventory, extraVars),
      ...typeFaults({ playbook, inventory, extraVars, catalogue, sources }),
      ...unanswered(playbook),
      ...(inventory === undefined ? [] : unknownParts(read, inventory, catalogue)),
    ],
    playbook.path,
  )
  const isVariable = (name: string) => layers.some(layer => layer.has(name))
  return [
    ...(inventory === undefined ? [] : readEarly(playbook, isVariable)),
    ...clearSecrets([...playbook.documents, ...(inventory?.documents ?? [])]),
  ]
}
