import type { TString } from 'typebox'
import * as Type from 'typebox'

/** The name of a backup of the official BR; nothing else ever becomes part of a path. */
export function officialBackupName(): TString {
  return Type.String({
    pattern: '^BACKUP_\\d{4}(_\\d{2}){5}$',
    description: 'The name of the backup: BACKUP_2021_07_16_02_39_04.',
  })
}
