import type { Command } from 'commander'
import { BkpError } from '../base/errors.ts'
import { quietIo } from '../base/io.ts'
import { didYouMean } from '../base/text.ts'
import type { BackupQuery } from '../repository/catalogue.ts'
import { openRepository, type Repository } from '../repository/repository.ts'
import type { Storage } from '../storage/contract.ts'
import { isStorageUrl, openStorage } from '../storage/open.ts'
import { type CommandContext, collect } from './command.ts'
import { loadInventories } from './load.ts'
import { addVaultFlags } from './runbook-flags.ts'
import { createSecretSources } from './secret-sources.ts'
import { openDefined } from './storages.ts'
import type { VaultFlags } from './vault-passwords.ts'

/** Flags that say what a `STORAGE` is. */
export interface PlaceFlags extends VaultFlags {
  readonly inventory?: readonly string[]
}

/** Adds the flags of commands that take a `STORAGE`. */
export function addPlaceFlags(command: Command): Command {
  return addVaultFlags(
    command.option('-i, --inventory <path>', 'inventory; may be given several times', collect),
  )
}

/** `STORAGE` of the command line: a URL, or a name from the inventories given with -i. */
export async function openPlace(
  text: string,
  flags: PlaceFlags,
  context: CommandContext,
): Promise<Storage> {
  if (isStorageUrl(text)) return openStorage(text)
  const { inventory = [] } = flags
  if (inventory.length === 0) {
    throw new BkpError('usage.invalid', `"${text}" is not a storage URL`, {
      hint: 'write a URL such as file:///srv/backups, or name the inventory it is in with -i',
    })
  }
  const secrets = await createSecretSources(context, flags)
  const { storages } = loadInventories(inventory, { secrets })
  const definition = storages.get(text)
  if (definition !== undefined) return openDefined(definition)
  throw new BkpError('usage.invalid', `the inventory has no storage "${text}"`, {
    hint:
      didYouMean(text, storages.keys()) ?? `known: ${[...storages.keys()].join(', ') || 'none'}`,
  })
}

/** The repository at a `STORAGE`. @throws repository.not_found */
export async function openRepositoryAt(
  text: string,
  flags: PlaceFlags,
  context: CommandContext,
): Promise<Repository & { readonly storage: Storage }> {
  return await openRepository(await openPlace(text, flags, context), quietIo)
}

/** `BACKUP` of the command line, with `--cluster` where it was given. */
export function backupQuery(backup: string, cluster: string | undefined): BackupQuery {
  return { backup, ...(cluster === undefined ? {} : { cluster: { name: cluster } }) }
}
