import type { Clock, RandomBytes } from '../../base/clock.ts'
import type { ReadOnlyStorage, Storage } from '../../storage/contract.ts'
import type { BackupName } from '../names.ts'
import type { RetentionPolicy, Verdict } from './policy.ts'

/** How old a plan is before anything of it is deleted, in milliseconds. */
export const defaultQuarantineMs = 24 * 60 * 60 * 1000

/** What planning a vacuum needs to know; times in milliseconds. */
export interface VacuumScope {
  readonly policy?: RetentionPolicy
  /** Only backups of this cluster may be forgotten; garbage is the whole repository's. */
  readonly cluster?: { readonly name: string; readonly kind?: string }
  /** How old a plan is before anything is deleted; 24 hours by default. */
  readonly quarantineMs?: number
  /** Goes on although the clock lies before the newest backup or differs from the storage's. */
  readonly acceptClock?: boolean
  readonly clock: Clock
  /** Where to keep what does not fit into memory; the system's temporary folder by default. */
  readonly scratchFolder?: string
}

export interface PlanVacuumOptions extends VacuumScope {
  readonly storage: ReadOnlyStorage
}

export interface VacuumOptions extends VacuumScope {
  readonly storage: Storage
  /** Nothing else uses the repository: for storages that do not create objects atomically. */
  readonly exclusive?: boolean
  /** More than half of a cluster's backups may go. */
  readonly confirmed?: boolean
  /** The controller's name: of its own sessions it can tell whether the process lives. */
  readonly controller: string
  readonly random: RandomBytes
  /** Whether a process of this machine lives. */
  readonly isAlive?: (pid: number) => boolean
  /** Blocks one plan names at most; tests use fewer. */
  readonly mostCandidates?: number
}

/** Which step the newest vacuum is at; `none`: there is nothing to delete. */
export type VacuumState = 'none' | 'planned' | 'sealed' | 'closed'

/** Someone a vacuum waits for. */
export interface WaitedFor {
  readonly session: BackupName
  readonly kind: 'backup' | 'checkpoint' | 'read' | 'unknown'
  readonly source: string
  readonly pid?: number
  readonly since: Date
}

/** What a vacuum came to. Sizes in bytes. */
export interface VacuumResult {
  /** Backups this run forgot, oldest first. */
  readonly forgotten: readonly BackupName[]
  readonly kept: readonly { readonly name: BackupName; readonly why: string }[]
  /** Every backup that was live when the run began, with the reason why it goes or stays. */
  readonly verdicts: readonly Verdict[]
  readonly deleted_blocks: number
  readonly deleted_bytes: number
  readonly state: VacuumState
  /** The number of the newest vacuum; 0 where none was ever planned. */
  readonly number: number
  /** Writers that must end before an open plan is sealed. */
  readonly waiting: readonly WaitedFor[]
  /** Sessions that looked dead and were revoked. */
  readonly revoked: readonly WaitedFor[]
  /** How long the quarantine of an open plan still lasts, in milliseconds. */
  readonly quarantineLeftMs: number
  /** What a person should know. */
  readonly notes: readonly string[]
}
