import type { Generation } from './contract.ts'

/** One tree of a backup: where it came from, and the logical root it has in the manifest. */
export interface BackupRoot {
  /**
   * `storaged/<host:port>/data<i>/<space>`, `storaged/<host:port>/wal/<space>`, or `meta` (the SSTs
   * of the answering metad).
   */
  readonly as: string
  /** The host of the inventory it was read from, and the folder it had there. */
  readonly host: string
  readonly path: string
  readonly role: 'storaged' | 'metad'
  /** `host:port` of the service. */
  readonly address: string
  readonly space?: number
  /** Which of its data paths, from 0; absent of `wal` and `meta`. */
  readonly data?: number
}

/** How many vertices and edges a space held, as SHOW STATS counts them. */
export interface Fingerprint {
  readonly vertices: number
  readonly edges: number
  /** By tag and by edge type. */
  readonly tags: Readonly<Record<string, number>>
  readonly edgeTypes: Readonly<Record<string, number>>
}

/**
 * What a manifest's metadata says of a backup of NebulaGraph, as JSON: everything a restore needs that
 * is not a file. Whatever reads it treats it as untrusted (`readBackupMetadata`).
 */
export interface NebulaBackupMetadata {
  readonly kind: 'nebula'
  readonly format: 1
  /** `BACKUP_...` or `SNAPSHOT_...`. */
  readonly name: string
  readonly generation: Generation
  readonly version: string | null
  /** ISO 8601, UTC. */
  readonly created: string
  readonly all_spaces: boolean
  readonly spaces: readonly {
    readonly id: number
    readonly name: string
    readonly partitions: number
    readonly replicas: number
    /** By partition: the last log id and its term on its leader, as decimal text. */
    readonly logs: Readonly<Record<string, { readonly log: string; readonly term: string }>>
    readonly fingerprint: Fingerprint | null
  }[]
  /** All of them, those without a partition, too. */
  readonly storageds: readonly {
    readonly address: string
    readonly host: string
    readonly version: string | null
    readonly data_dirs: readonly string[]
    readonly wal_dir: string | null
  }[]
  readonly metads: readonly {
    readonly address: string
    readonly host: string
    readonly data_dir: string
  }[]
  /** `host:port` of the metad whose files these are. */
  readonly answered_by: string
  /** Base names, below the root `meta`. */
  readonly meta_files: readonly string[]
  readonly roots: readonly BackupRoot[]
  /** The `.meta` file as the official BR writes it, base64. */
  readonly meta: string
  /** How long createBackup took: at most as long writes were blocked, in milliseconds. */
  readonly blocked_ms: number
}

export { readBackupMetadata } from './metadata/read.ts'
