import { dirname, resolve } from 'node:path'
import { asBkpError, BkpError, exitCodes } from '../base/errors.ts'
import type { HostAddress, Reach } from '../connection/contract.ts'
import { clusterKinds } from '../databases/kinds.ts'
import type { Variables } from '../expression/contract.ts'
import type { ModuleCatalogue } from '../modules/catalogue.ts'
import { loadCatalogue } from '../modules/load-catalogue.ts'
import { clearSecrets } from '../runbook/check/clear-secrets.ts'
import type { Inventory, InventoryDetails, Playbook, SecretSources } from '../runbook/contract.ts'
import { readExtraVars } from '../runbook/extra-vars.ts'
import { flattenFaults, throwAll } from '../runbook/faults.ts'
import { type FileAccess, systemFiles } from '../runbook/file-access.ts'
import { createAddressOf } from '../runbook/inventory/address.ts'
import { exposedClusters, exposedStorages } from '../runbook/inventory/exposed.ts'
import type { VariableOrigins } from '../runbook/inventory/origins.ts'
import { matchHosts } from '../runbook/inventory/patterns.ts'
import { checkRunbook, loadInventory, loadPlaybook } from '../runbook/load.ts'
import type { ReadPlaybook } from '../runbook/playbook/playbook.ts'
import { vaultHeader } from '../runbook/vault/vault-text.ts'
import { storageBackends } from '../storage/open.ts'
import type { CommandContext } from './command.ts'
import type { RunbookFlags } from './runbook-flags.ts'
import { createSecretSources } from './secret-sources.ts'
import type { VaultFlags } from './vault-passwords.ts'

/** Everything a run is made of, parsed and checked; no host has been touched. */
export interface LoadedRunbook {
  readonly playbook: Playbook
  readonly playbookDirectory: string
  readonly inventory: Inventory
  readonly catalogue: ModuleCatalogue
  readonly extraVars: Variables
  /** What expressions see of clusters and storages. */
  readonly exposed: Readonly<Record<string, unknown>>
  readonly match: (pattern: string) => readonly string[]
  /** Of a host, when it is first needed: a faulty one that takes no part stops nothing. */
  readonly addressOf: (host: string, reach?: Reach) => HostAddress
}

/** Loads playbook, inventory and variables. @throws everything that can be wrong with them, at once */
export async function loadRunbook(
  path: string,
  flags: RunbookFlags,
  context: CommandContext,
  files: FileAccess = systemFiles,
): Promise<LoadedRunbook> {
  const { terminal } = context
  const secrets = await createSecretSources(context, flags)
  const catalogue = loadCatalogue()
  const playbookDirectory = dirname(resolve(terminal.directory, path))
  const extraVars = readExtraVars(flags.extraVars ?? [], { files: systemFiles, secrets })
  const forceHandlers = flags.forceHandlers ?? false
  const { read, inventory } = readBoth(
    path,
    () => loadPlaybook({ path, catalogue, files, secrets, extraVars, forceHandlers }),
    () => loadInventories(flags.inventory ?? [], { playbookDirectory, secrets }),
  )
  const { playbook } = read
  const warn = (message: string): void =>
    terminal.stderr.write(`warning: ${context.redactor.redact(message)}\n`)
  for (const warning of [...read.warnings, ...inventory.warnings]) warn(warning)
  for (const warning of checkRunbook({ playbook: read, inventory, extraVars, catalogue })) {
    warn(warning)
  }
  const address = createAddressOf({ extraVars, environment: terminal.environment, warn })
  return {
    playbook,
    playbookDirectory,
    inventory,
    catalogue,
    extraVars,
    exposed: {
      clusters: exposedClusters(inventory),
      storages: exposedStorages(inventory),
      ...inventoryPlace(flags.inventory ?? [], terminal.directory),
    },
    match: pattern => matchHosts(inventory, pattern).hosts,
    addressOf: (host, reach) => address(inventory, host, reach),
  }
}

/** `inventory_file` and `inventory_dir`, where there is one inventory: of several no host knows its own. */
function inventoryPlace(
  sources: readonly string[],
  directory: string,
): { readonly inventory_file?: string; readonly inventory_dir?: string } {
  const [only] = sources
  if (only === undefined || sources.length > 1 || only.includes(',')) return {}
  const path = resolve(directory, only)
  if (systemFiles.kind(path) !== 'file') return { inventory_dir: path }
  return { inventory_file: path, inventory_dir: dirname(path) }
}

/** Inventories alone, for commands that only need a storage's or a cluster's definition. */
export function loadInventories(
  sources: readonly string[],
  options: {
    readonly playbookDirectory?: string
    readonly secrets: SecretSources
    readonly origins?: VariableOrigins
  },
): Inventory {
  const { playbookDirectory, secrets, origins } = options
  return loadInventory({
    sources,
    kinds: clusterKinds,
    storageTypes: storageBackends,
    files: systemFiles,
    secrets,
    ...(playbookDirectory === undefined ? {} : { playbookDirectory }),
    ...(origins === undefined ? {} : { origins }),
  })
}

/**
 * Inventories with what they are made of, for commands that show it; warnings are told.
 * @throws usage.invalid where none is given
 */
export async function loadDetailed(
  flags: Pick<RunbookFlags, 'inventory'> & VaultFlags,
  origins: VariableOrigins,
  context: CommandContext,
  playbookDirectory?: string,
): Promise<{ readonly inventory: Inventory; readonly details: InventoryDetails }> {
  const sources = flags.inventory ?? []
  if (sources.length === 0) {
    throw new BkpError('usage.invalid', 'no inventory is given', { hint: 'name it with -i' })
  }
  const secrets = await createSecretSources(context, flags)
  const inventory = loadInventories(sources, {
    secrets,
    origins,
    ...(playbookDirectory === undefined ? {} : { playbookDirectory }),
  })
  const { details } = inventory
  if (details === undefined) throw new BkpError('internal', 'the details were not kept')
  for (const warning of inventory.warnings) {
    context.terminal.stderr.write(`warning: ${context.redactor.redact(warning)}\n`)
  }
  return { inventory, details }
}

/** A playbook and its inventories. @throws the faults of both at once */
function readBoth(
  path: string,
  readPlaybook: () => ReadPlaybook,
  readInventories: () => Inventory,
): { readonly read: ReadPlaybook; readonly inventory: Inventory } {
  const faults: BkpError[] = []
  const read = attempt(readPlaybook, faults)
  const inventory = attempt(readInventories, faults)
  throwAll(faults, path)
  if (read === undefined || inventory === undefined) {
    throw new BkpError('internal', 'what could not be read has no faults')
  }
  return { read, inventory }
}

/** What was read; undefined after faults of the file. @throws what is no fault of it */
function attempt<T>(read: () => T, faults: BkpError[]): T | undefined {
  try {
    return read()
  } catch (thrown) {
    const error = asBkpError(thrown)
    if (error.exit !== exitCodes.invalid) throw error
    faults.push(...flattenFaults(error))
    return undefined
  }
}

/** What files are checked with. */
export interface FileCheck {
  readonly secrets: SecretSources
  /** Playbooks are held to these; without any, only to themselves. */
  readonly inventories: readonly string[]
  readonly extraVars: Variables
  warn(message: string): void
}

/** Every fault of a playbook or an inventory; none when the file is fine. */
export function faultsOf(path: string, check: FileCheck): readonly BkpError[] {
  const { secrets, warn } = check
  try {
    if (isInventory(path, secrets)) {
      const { warnings, documents } = loadInventories([path], { secrets })
      for (const warning of [...warnings, ...clearSecrets(documents)]) warn(warning)
    } else {
      checkPlaybook(path, check)
    }
    return []
  } catch (thrown) {
    const error = asBkpError(thrown)
    return error.faults.length > 0 ? error.faults : [error]
  }
}

function checkPlaybook(path: string, { secrets, inventories, extraVars, warn }: FileCheck): void {
  const catalogue = loadCatalogue()
  const playbook = loadPlaybook({ path, catalogue, files: systemFiles, secrets, extraVars })
  const inventory =
    inventories.length === 0
      ? undefined
      : loadInventories(inventories, { playbookDirectory: dirname(resolve(path)), secrets })
  for (const warning of [...playbook.warnings, ...(inventory?.warnings ?? [])]) warn(warning)
  for (const warning of checkRunbook({ playbook, inventory, extraVars, catalogue })) warn(warning)
}

/** A playbook is a list of plays, an inventory a map of groups: the first line that counts tells. */
function isInventory(path: string, secrets: SecretSources): boolean {
  if (systemFiles.kind(path) !== 'file') return false
  const text = new TextDecoder().decode(systemFiles.read(path))
  const plain = text.startsWith(vaultHeader) ? opened(text, secrets) : text
  const lines = plain.split('\n')
  const first = lines.find(line => /^\s*[^#\s]/.test(line) && !/^(---|%)/.test(line))
  return first !== undefined && !/^\s*(-|\[)/.test(first)
}

function opened(vaultText: string, secrets: SecretSources): string {
  try {
    return new TextDecoder().decode(secrets.decrypt(vaultText))
  } catch {
    // Whoever reads the file tells why.
    return ''
  }
}
