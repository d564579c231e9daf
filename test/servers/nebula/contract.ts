import type { Generation } from '../../../src/databases/nebula/contract.ts'
import type { NebulaRole } from '../../../src/databases/nebula/instances.ts'
import type { Namespaces } from '../namespaces.ts'
import type { Scan } from '../rocksdb.ts'
import type { SshdHosts } from '../sshd.ts'

/** A space that is created and filled at the start. */
export interface SpaceSeed {
  readonly name: string
  readonly partitions?: number
  readonly replicas?: number
  /** Vertices of each partition, each with one tag and one edge; 100 without it. */
  readonly rows?: number
  readonly tags?: readonly string[]
  readonly edges?: readonly string[]
}

export interface NebulaOptions {
  readonly generation: Generation
  /** The release whose behaviour counts within the generation, as `3.2.0`; what services name, too. */
  readonly version?: string
  readonly metads?: number
  readonly storageds?: number
  readonly graphds?: number
  /** How many storageds may come later, by `join`: their hosts are there. */
  readonly spares?: number
  /** Of each storaged. */
  readonly dataPaths?: number
  readonly spaces?: readonly SpaceSeed[]
  /** How long a service goes on after SIGTERM, and how long it needs before it listens. */
  readonly stopMs?: number
  readonly startMs?: number
  /** storageds have a `--wal_path` of their own. */
  readonly walPath?: boolean
  /** `--data_path` below the installation, as written: `data/storage0`. */
  readonly relativePaths?: boolean
  /** Every host has an agent, as listCluster of 3.x asks for. */
  readonly agents?: boolean
  /** `--enable_authorize`: root with password nebula has GOD, reader with password reader USER. */
  readonly authorize?: boolean
  /** More lines of the flag files, by role. */
  readonly flags?: Readonly<Partial<Record<NebulaRole, Readonly<Record<string, string>>>>>
  /** In front of the hosts' names, where tests have several clusters; `n` without it. */
  readonly prefix?: string
  /** Of hosts `n1` and so on, each with an address of its own there; all on this machine's without it. */
  readonly network?: Pick<Namespaces, 'host'>
}

/** One service of the cluster. */
export interface NebulaService {
  readonly role: NebulaRole
  readonly host: string
  /** `ip:port`, as the cluster knows it. */
  readonly address: string
  /** `http://ip:port`. */
  readonly http: string
  /** As the host sees them. */
  readonly dataDirs: readonly string[]
}

/** What happens to the next calls of a method of a service, or at a point within one. */
export interface Fault {
  /**
   * A method of the wire (`createBackup`, `listHosts`, `createCheckpoint`, `blockingWrites`, `execute`),
   * `heartBeat`, or a point: `createBackup:` start, blocked, checkpoints, export, unblock;
   * `createSnapshot:` blocked, checkpoints; `dropSnapshot:storage`; `restoreMeta:ingested`.
   */
  readonly method: string
  /** 1 without it; for ever below 0. */
  readonly times?: number
  /** The vendor's name of the generation: `E_LEADER_CHANGED`. */
  readonly code?: string
  readonly delayMs?: number
  /** The connection is closed before or after the work was done, without an answer. Not of points. */
  readonly drop?: 'before' | 'after'
  /** The process ends there as by SIGKILL. */
  readonly kill?: boolean
  /** The metad gives its leadership up there, to the metad `stepDownTo` if that is given. */
  readonly stepDown?: boolean
  readonly stepDownTo?: string
}

export interface ServedCall {
  readonly method: string
  readonly at: string
  readonly millis: number
  readonly code: string
}

/** What a storaged's writer did: it writes to all partitions that it leads. */
export interface WriterState {
  readonly space: string
  readonly everyMs: number
  readonly written: number
  readonly refused: number
  /** The longest time from a refusal to the next write that went through. */
  readonly blockedMs: number
}

export interface SnapshotRow {
  readonly name: string
  readonly valid: boolean
  readonly hosts: string
}

export interface NebulaCluster {
  readonly generation: Generation
  readonly hosts: SshdHosts
  /** Those that there are by now: `join` adds one. */
  readonly services: readonly NebulaService[]
  readonly metads: readonly NebulaService[]
  readonly storageds: readonly NebulaService[]
  readonly graphds: readonly NebulaService[]
  /** ROOT on every host. */
  readonly installDir: string
  /** What every host has for itself; everything of the cluster is below it. */
  readonly dataDir: string
  /** An inventory with the hosts, and this cluster as `graph`; `settings` beside its own. */
  inventory(settings?: Readonly<Record<string, unknown>>): InventoryDocument
  /** Runs shell text on a host, not through bkp. */
  run(host: string, script: string): string
  /** Through scripts/nebula.service, as an operator; waits until it serves. */
  start(...services: readonly NebulaService[]): Promise<void>
  /** ... until its process has ended. */
  stopServices(...services: readonly NebulaService[]): Promise<void>
  /** A storaged more, on a spare host: ADD HOSTS where there is such a thing, and it is started. */
  join(): Promise<NebulaService>
  /** SIGKILL. */
  kill(service: NebulaService): void
  isRunning(service: NebulaService): boolean
  /** Waits until a metad leads and all storageds of the cluster are online. */
  settled(): Promise<void>
  leader(): Promise<NebulaService>
  /** The leader gives up; nobody leads for `holdMs`, then `to` or any. */
  stepDown(options?: { readonly to?: NebulaService; readonly holdMs?: number }): Promise<void>
  fault(service: NebulaService, fault: Fault): Promise<void>
  clearFaults(): Promise<void>
  calls(service: NebulaService): Promise<readonly ServedCall[]>
  /** Jobs as SHOW JOBS has them: `{ id: 1, type: 'COMPACT', status: 'RUNNING' }`. */
  setJobs(
    jobs: readonly { readonly id: number; readonly type: string; readonly status: string }[],
  ): Promise<void>
  createSpace(space: SpaceSeed): Promise<void>
  /** Adds rows that were not there yet, to every copy. */
  addRows(space: string, rows: number): Promise<void>
  /** Every running storaged writes to what it leads, every so often; 0 ends it. */
  write(space: string, everyMs: number): Promise<void>
  writers(): Promise<readonly WriterState[]>
  /** Running storageds that refuse writes of a space now. */
  blocked(): Promise<readonly NebulaService[]>
  /** The rows of a space as running storageds tell: by partition, of the copy that leads. */
  rows(
    space: string,
  ): Promise<Readonly<Record<string, { readonly rows: number; readonly sha256: string }>>>
  /** `ldb scan` of a space over all hosts and data paths: distinct rows, in order. */
  scan(spaceId: number): Promise<Scan>
  spaceId(name: string): Promise<number>
  snapshots(): Promise<readonly SnapshotRow[]>
  /** `ip:port` of whoever has a copy of a partition, as the leading metad has it in its tables. */
  partitionHosts(): Promise<readonly string[]>
  /** Every folder below a `checkpoints` of any host, and every row: `n1:/.../SNAPSHOT_...`, `row BACKUP_...`. */
  leftovers(): Promise<readonly string[]>
  /** The daemon's log, for messages of failed tests. */
  log(service: NebulaService): string
  stop(): Promise<void>
}

export interface InventoryDocument {
  readonly all: Readonly<Record<string, unknown>>
  readonly clusters: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
