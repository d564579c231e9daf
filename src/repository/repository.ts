import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { ReadOnlyStorage, Storage } from '../storage/contract.ts'
import { bendsaveKey, parseBendsave } from './bendsave-header.ts'
import { getIfThere } from './get-if-there.ts'
import { decodeManifest } from './manifest.ts'
import type { BackupManifest } from './manifest_pb.ts'
import { type BackupName, manifestKey } from './names.ts'

/** A repository that can be read. */
export interface Repository {
  /** Random, from the front matter of bendsave.md; where that has none, made from its text. */
  readonly id: string
  readonly format: number
  /** Without credentials: fit to be printed. */
  readonly url: string
  readonly storage: ReadOnlyStorage
}

/** A repository that can be written. */
export interface WritableRepository extends Repository {
  readonly storage: Storage
}

/** A manifest that was read and checked, and its name. */
export interface Backup {
  readonly name: BackupName
  readonly manifest: BackupManifest
}

/**
 * Opens a repository for reading.
 * @throws repository.not_found, repository.unsupported_format, storage.*
 */
export async function openRepository<S extends ReadOnlyStorage>(
  storage: S,
  io: Io,
): Promise<Repository & { readonly storage: S }> {
  const repository = await findRepository(storage, io)
  if (repository !== undefined) return repository
  throw new BkpError('repository.not_found', `there is no repository at ${storage.url}`, {
    hint: 'check the address; the first backup into a storage makes a repository of it',
  })
}

/** The repository of a storage, or nothing where there is none yet. */
export async function findRepository<S extends ReadOnlyStorage>(
  storage: S,
  io: Io,
): Promise<(Repository & { readonly storage: S }) | undefined> {
  const text = await getIfThere(storage, bendsaveKey, io)
  if (text === undefined) return undefined
  const header = parseBendsave(text, storage.url)
  return Object.freeze({
    id: header.repositoryId,
    format: header.format,
    url: storage.url,
    storage,
  })
}

/**
 * The manifest of a backup, checked.
 * @throws repository.backup_not_found (also for a tombstone), repository.manifest_invalid
 */
export async function readBackup(repo: Repository, name: BackupName, io: Io): Promise<Backup> {
  const bytes = await getIfThere(repo.storage, manifestKey(name), io)
  const manifest = bytes === undefined ? undefined : decodeManifest(bytes, name)
  if (manifest === undefined || manifest.backupMeta === undefined) {
    throw new BkpError('repository.backup_not_found', `${repo.url} holds no backup ${name}`, {
      hint: 'bkp list shows the backups of a repository',
      details: { backup: name },
    })
  }
  return Object.freeze({ name, manifest })
}
