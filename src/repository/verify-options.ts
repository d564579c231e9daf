import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { FileScope } from './extract/scope.ts'
import type { BackupName } from './names.ts'
import type { VerifyFault } from './verify-faults.ts'

/** What was found. Sizes in bytes. */
export interface VerifyResult {
  readonly checked: { readonly backups: number; readonly blocks: number; readonly bytes: number }
  readonly errors: readonly VerifyFault[]
  /** What no backup needs; told where all backups were verified whole. No fault. */
  readonly garbage?: Garbage
  /** How far a verification with a budget came. */
  readonly budget?: BudgetOutcome
  /** Backups that were forgotten meanwhile: what is wrong with them is none of the errors. */
  readonly forgotten: readonly BackupName[]
}

export interface Garbage {
  /** Blocks that no live backup names: of runs under way, or for the next vacuum. */
  readonly blocks: number
  readonly bytes: number
  /** Objects that bkp would not write, a few of them by name. */
  readonly unknown: number
  readonly unknown_keys: readonly string[]
}

/** A verification whose time was bounded. The next one goes on where it ended. */
export interface BudgetOutcome {
  /** Everything was checked before the time was up. */
  readonly complete: boolean
  /** Backups of which not even the lists were read. */
  readonly backups_left: number
  /** It came to the end of all blocks and went on at the beginning: a round is complete. */
  readonly reached_end: boolean
  /** Bytes of blocks from the beginning of all to where it ended, and of all. */
  readonly passed_bytes: number
  readonly total_bytes: number
  /** About how many more runs like this one come to the end of all; null where that is not known. */
  readonly runs_left: number | null
}

export interface VerifyOptions {
  /** The backup to verify; all that are not forgotten by default. */
  readonly backup?: BackupName
  /** Without `backup`: only those of this cluster. */
  readonly cluster?: string
  /** Only blocks of these files, and the lists that name them. */
  readonly files?: FileScope
  /** False: presence and size of blocks. True: their bytes. A number: of that percentage of them. */
  readonly readData: boolean | number
  /**
   * Stops when that many milliseconds are over, and tells how far it came. The next one goes on from
   * there; where `record` is given, it knows.
   */
  readonly budgetMs?: number
  readonly clock: Clock
  readonly random: RandomBytes
  /** Where the result is recorded, under `checks/`; nowhere without it. */
  readonly record?: Storage
  readonly scratchFolder?: string
  /** Blocks read at the same time; 4 by default. */
  readonly inFlight?: number
  /** Told what is at hand. */
  readonly at?: (what: string) => void
}
