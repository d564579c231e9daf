import type { Io } from '../../../base/io.ts'
import { resolveBackup } from '../../../repository/catalogue.ts'
import {
  type Backup,
  openRepository,
  type Repository,
  readBackup,
} from '../../../repository/repository.ts'
import type { Site } from '../../contract.ts'

/** The arguments that say which backup of which storage is meant. */
export interface StoredBackupArguments {
  readonly storage: string
  readonly backup?: string
  readonly cluster?: string
}

/** Opens the repository and reads the backup that a step means; the latest one where it does not say. @throws repository.*, storage.* */
export async function readStoredBackup(
  site: Pick<Site, 'cluster' | 'storage'>,
  args: StoredBackupArguments,
  io: Io,
): Promise<{ readonly repo: Repository; readonly backup: Backup }> {
  const repo = await openRepository(site.storage(args.storage), io)
  const cluster = args.cluster === undefined ? undefined : site.cluster(args.cluster)
  const query = {
    backup: args.backup ?? 'latest',
    ...(cluster === undefined ? {} : { cluster: { name: cluster.name, kind: cluster.kind } }),
  }
  const { name } = await resolveBackup(repo, query, io)
  return { repo, backup: await readBackup(repo, name, io) }
}
