import { BkpError } from '../../../base/errors.ts'
import {
  type NebulaBackupMetadata,
  readBackupMetadata,
} from '../../../databases/nebula/backup-metadata.ts'
import type { Backup } from '../../../repository/repository.ts'

/** What a backup of the repository says of the NebulaGraph it is of. @throws nebula.backup_invalid */
export function metadataOf({ name, manifest }: Backup): NebulaBackupMetadata {
  const text = manifest.backupMeta?.metadataJson ?? ''
  if (text === '') {
    throw new BkpError('nebula.backup_invalid', `backup ${name} is not one of NebulaGraph`, {
      hint: 'its files can be restored with repository.stage; playbooks/nebula/backup.yml makes backups of clusters',
      details: { backup: name },
    })
  }
  return readBackupMetadata(parsed(text))
}

/** Text that is no JSON is refused as any other shape is. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
