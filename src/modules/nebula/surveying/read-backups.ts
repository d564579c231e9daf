import type { Io } from '../../../base/io.ts'
import {
  type NebulaBackupMetadata,
  readBackupMetadata,
} from '../../../databases/nebula/backup-metadata.ts'
import { type BackupSummary, listBackups, readRegister } from '../../../repository/catalogue.ts'
import { findRepository, type Repository } from '../../../repository/repository.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import { toTell } from '../checking/fault.ts'

/** A backup of the cluster, as a restore would find it. */
export interface KnownBackup {
  readonly name: string
  readonly time: string
  readonly state: string
  /** Undefined where it cannot be read. */
  readonly metadata?: NebulaBackupMetadata
  readonly problem?: string
}

/** Newest backups that are looked into. */
const looked = 5

/** The newest backups of a cluster, newest first; damaged ones are told of. @throws storage.*, repository.* */
export async function readBackups(
  storage: ReadOnlyStorage,
  cluster: string,
  io: Io,
): Promise<{ readonly backups: readonly KnownBackup[]; readonly damaged: readonly string[] }> {
  const repo = await findRepository(storage, io)
  if (repo === undefined) return { backups: [], damaged: [] }
  const { backups, damaged } = await listBackups(repo, io)
  const own = backups.filter(
    backup => backup.cluster.name === cluster && backup.cluster.kind === 'nebula',
  )
  const known: KnownBackup[] = []
  for (const backup of own.toReversed().slice(0, looked)) {
    known.push(await readOne(repo, backup, io))
  }
  return { backups: known, damaged: damaged.map(({ name }) => name) }
}

async function readOne(repo: Repository, summary: BackupSummary, io: Io): Promise<KnownBackup> {
  const { name, time, state } = summary
  try {
    const manifest = await readRegister(repo, name, io)
    const json: unknown = JSON.parse(manifest?.backupMeta?.metadataJson || 'null')
    return { name, time, state, metadata: readBackupMetadata(json) }
  } catch (thrown) {
    return { name, time, state, problem: toTell(thrown, io).message }
  }
}
