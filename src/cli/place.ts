import { BkpError } from '../base/errors.ts'
import { quietIo } from '../base/io.ts'
import { didYouMean } from '../base/text.ts'
import type { BackupQuery } from '../repository/catalogue.ts'
import { openRepository, type Repository } from '../repository/repository.ts'
import type { Storage } from '../storage/contract.ts'
import { isStorageUrl, openStorage } from '../storage/open.ts'
import type { CommandContext } from './command.ts'
import { loadInventories } from './load.ts'
import { openDefined } from './storages.ts'

/** `STORAGE` of the command line: a URL, or a name from the inventories given with -i. */
export async function openPlace(
  text: string,
  inventories: readonly string[],
  context: CommandContext,
): Promise<Storage> {
  if (isStorageUrl(text)) return openStorage(text)
  if (inventories.length === 0) {
    throw new BkpError('usage.invalid', `"${text}" is not a storage URL`, {
      hint: 'write a URL such as file:///srv/backups, or name the inventory it is in with -i',
    })
  }
  const { storages } = loadInventories(inventories, context)
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
  inventories: readonly string[],
  context: CommandContext,
): Promise<Repository & { readonly storage: Storage }> {
  return await openRepository(await openPlace(text, inventories, context), quietIo)
}

/** `BACKUP` of the command line, with `--cluster` where it was given. */
export function backupQuery(backup: string, cluster: string | undefined): BackupQuery {
  return { backup, ...(cluster === undefined ? {} : { cluster: { name: cluster } }) }
}
