import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { listRegisters } from '../catalogue.ts'
import { type BackupName, manifestName, manifestPrefix } from '../names.ts'
import type { Repository } from '../repository.ts'
import { listOpenSessions } from './open-sessions.ts'
import type { References } from './references.ts'

/** Names of all registers that were not forgotten; tombstones are among them. */
export async function liveNames(repo: Repository, io: Io): Promise<readonly BackupName[]> {
  await refuseStrangeManifests(repo, io)
  return (await listRegisters(repo, io)).filter(entry => !entry.forgotten).map(({ name }) => name)
}

/**
 * Reads what all live and all pinned backups reference. What was forgotten is listed **before** the
 * sessions: a reader announces its pin and then looks whether the backup was forgotten, so that
 * either it sees that, or we see its pin. @throws repository.*, storage.*
 */
export async function addRoots(repo: Repository, references: References, io: Io): Promise<void> {
  await references.add(await liveNames(repo, io), io)
  await addPins(repo, references, io)
}

/** Reads what backups reference that readers hold. */
export async function addPins(repo: Repository, references: References, io: Io): Promise<void> {
  const sessions = await listOpenSessions(repo, io)
  await references.addPinned(
    sessions.flatMap(({ pins }) => pins),
    io,
  )
}

/** A manifest whose name we cannot read may be someone's backup: what it needs is not known. */
async function refuseStrangeManifests(repo: Repository, io: Io): Promise<void> {
  for await (const { key } of repo.storage.list(manifestPrefix, io)) {
    if (manifestName(key) !== undefined || !key.endsWith('.manifest')) continue
    throw new BkpError(
      'repository.manifest_invalid',
      `${repo.url} holds ${key}, which is not named after a second as manifests are`,
      {
        hint: 'nothing was deleted; name it YYYYMMDD_HHMMSS.manifest, or move it elsewhere',
        details: { key },
      },
    )
  }
}
