import type { Clock, RandomBytes } from '../../base/clock.ts'
import type { BkpError } from '../../base/errors.ts'
import type { Storage } from '../../storage/contract.ts'
import type { Geometry } from '../geometry.ts'
import type { BackupName } from '../names.ts'
import type { Repository } from '../repository.ts'

export interface CopyOptions {
  readonly from: Repository
  /** Where the source can be pinned, so that no vacuum sweeps what is being copied. */
  readonly pinIn?: Storage
  /** Becomes a repository with its first backup. */
  readonly to: Storage
  /** The one backup to copy, forgotten or incomplete as it may be; all complete ones without it. */
  readonly backup?: BackupName
  /** Only backups of this cluster. */
  readonly cluster?: string
  readonly clock: Clock
  readonly random: RandomBytes
  /** The controller's name, for sessions. */
  readonly controller: string
  readonly pid?: number
  /** Goes on although the clock lies before the newest backup or differs from the storage's. */
  readonly acceptClock?: boolean
  /** Sizes of the format; tests use smaller ones. */
  readonly geometry?: Geometry
  readonly scratchFolder?: string
  /** Time between checkpoints in milliseconds; 10 minutes by default. */
  readonly checkpointEveryMs?: number
  /** Told of each backup when it begins. */
  readonly begin?: (name: BackupName, number: number, count: number) => void
}

/** A backup that is there now. Sizes in bytes. */
export interface CopiedBackup {
  readonly name: BackupName
  /** Its name where it was copied to. */
  readonly as: BackupName
  readonly files: number
  readonly bytes: number
  /** Of the blocks that were sent. */
  readonly new_bytes: number
}

/** A backup that could not be copied because it is damaged, or gone. */
export interface FailedCopy {
  readonly name: BackupName
  readonly error: BkpError
}

export interface CopyResult {
  readonly copied: readonly CopiedBackup[]
  /** Backups that were there before. */
  readonly present: readonly { readonly name: BackupName; readonly as: BackupName }[]
  readonly failed: readonly FailedCopy[]
  readonly warnings: readonly string[]
}
