/**
 * What keeps vacuums from deleting what backups name. Each can be taken out, to see that it is
 * needed.
 */
export interface Protocol {
  /** Blocks carry the generation they were first stored under: a swept name is never used again. */
  readonly generations: boolean
  /** A block is reused only because a live manifest names it, never because it is there. */
  readonly reuseByManifest: boolean
  /** A session that looks dead is revoked: its register takes a tombstone. */
  readonly tombstones: boolean
  /** A writer announces its session, then reads the plans. */
  readonly announceFirst: boolean
  /** What is deleted is fixed for all vacuums by a register. */
  readonly seal: boolean
  /** A vacuum publishes its plan, then lists the sessions. */
  readonly planFirst: boolean
  /** All manifests are read again once every session is decided. */
  readonly reread: boolean
  /** How a long run commits what it has so far; not at all by default. */
  readonly checkpoints?: CheckpointOrder
  /** A reader pins its backup, then looks whether it was forgotten; by default. */
  readonly pinFirst?: boolean
  /** A vacuum leaves what readers pin; by default. */
  readonly pins?: boolean
  /** Whether someone may cancel a plan: seal it with nothing to delete, and close it. */
  readonly cancels?: boolean
}

/** What a checkpoint does between its announcement and its commit. */
export type CheckpointOrder =
  /** Reads the plans, then the register of its run: repository.md, Backup 6. */
  | 'plans-register'
  /** The other way round. */
  | 'register-plans'
  /** Only the plans. */
  | 'plans'
  /** Nothing. */
  | 'nothing'
  /** Commits without a session of its own. */
  | 'no-session'

/** The protocol as repository.md has it. */
export const safeProtocol: Protocol = Object.freeze({
  generations: true,
  reuseByManifest: true,
  tombstones: true,
  announceFirst: true,
  seal: true,
  planFirst: true,
  reread: true,
})

/** How many processes there are, and how many vacuums are planned at most. */
export interface Size {
  readonly writers: number
  readonly vacuums: number
  readonly plans: number
  /** Readers of the backup that was there from the start; none by default. */
  readonly readers?: number
}
