import { BkpError } from '../base/errors.ts'
import type { Variables } from '../expression/contract.ts'
import type { ModuleCatalogue } from '../modules/catalogue.ts'
import { unknownParts } from './check/named-parts.ts'
import { unknownResultFields } from './check/result-fields.ts'
import { undefinedRoots } from './check/undefined-roots.ts'
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
  readonly inventory: Inventory
  readonly extraVars: Variables
  readonly catalogue: ModuleCatalogue
}

/**
 * Checks a playbook against its inventory before any host is touched: variables that nothing
 * defines, fields that results do not have, clusters and storages that do not exist.
 * @throws expression.invalid, schema.invalid, with every fault
 */
export function checkRunbook({ playbook, inventory, extraVars, catalogue }: RunbookParts): void {
  throwAll(
    [
      ...undefinedRoots(playbook.playbook, inventory, extraVars),
      ...unknownResultFields(playbook.playbook, inventory, extraVars, catalogue),
      ...unknownParts(playbook, inventory, catalogue),
    ],
    playbook.playbook.path,
  )
}
