import type { Io } from '../../base/io.ts'
import { clusterOf, isComplete, readRegister } from '../catalogue.ts'
import { failedCheck } from '../checks.ts'
import { type BackupManifest, BackupManifest_State } from '../manifest_pb.ts'
import { type BackupName, isBackupName, nameTime } from '../names.ts'
import type { Repository } from '../repository.ts'
import type { PolicyBackup, Standing } from './policy.ts'
import { liveNames } from './roots.ts'

const nanosecondsPerMillisecond = 1_000_000n

/**
 * What the policy wants to know of each live backup, oldest first. A manifest that cannot be read
 * stops it: who knows what it needs. @throws repository.manifest_invalid, storage.*
 */
export async function surveyBackups(repo: Repository, io: Io): Promise<readonly PolicyBackup[]> {
  const checked = new Set<BackupName>()
  for await (const { key } of repo.storage.list('checks/', io)) {
    const [, name = ''] = key.split('/')
    if (isBackupName(name)) checked.add(name)
  }
  const backups: PolicyBackup[] = []
  for (const name of await liveNames(repo, io)) {
    io.signal.throwIfAborted()
    const manifest = await readRegister(repo, name, io)
    if (manifest === undefined) continue
    const failed = checked.has(name) && (await failedCheck(repo, name, io))
    backups.push({
      name,
      time: timeOf(name, manifest),
      cluster: clusterOf(manifest),
      standing: standingOf(manifest, failed),
      labels: { ...manifest.backupMeta?.labels },
    })
  }
  return backups
}

function standingOf(manifest: BackupManifest, failed: boolean): Standing {
  if (manifest.state === BackupManifest_State.PARTIAL) return 'partial'
  if (!isComplete(manifest)) return 'incomplete'
  return failed ? 'failed' : 'complete'
}

/** The later of what it says and of its name: whichever of the two is wrong, it is not too old. */
function timeOf(name: BackupName, manifest: BackupManifest): Date {
  const said = Number((manifest.backupMeta?.backupTimeNs ?? 0n) / nanosecondsPerMillisecond)
  return new Date(Math.max(said, nameTime(name).getTime()))
}
