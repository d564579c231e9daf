import type { Io } from '../../base/io.ts'
import type { GraphClient, GraphReader } from './graph/contract.ts'

/**
 * What a metad speaks. Structs changed in place between these, so it is told before anything is
 * decoded: 2.0.x, 2.1 to 2.6, 3.0 to 3.2, 3.3 to 3.8 (specs/nebula.md §1.5).
 */
export const generations = ['2.0', '2.1', '3.0', '3.3'] as const
export type Generation = (typeof generations)[number]

/** An address as services of the cluster know each other; `192.168.8.1:9779` as text. */
export interface ServiceAddress {
  readonly host: string
  readonly port: number
}

export type ServiceRole = 'graph' | 'meta' | 'storage' | 'listener' | 'agent' | 'unknown'

/** A row of listHosts. */
export interface ServiceHost {
  readonly address: ServiceAddress
  readonly status: 'online' | 'offline' | 'unknown'
  readonly role: ServiceRole
  /** As the service names it (`3.8.0`); absent where it does not say. */
  readonly version?: string
  readonly gitSha: string
  /** By the name of the space: the partitions it leads, and all it has. */
  readonly leaderParts: Readonly<Record<string, readonly number[]>>
  readonly parts: Readonly<Record<string, readonly number[]>>
  readonly zone?: string
}

export interface Space {
  readonly id: number
  readonly name: string
}

/** SpaceDesc, whatever the generation; what a generation lacks is absent. */
export interface SpaceDescription {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  readonly charset: string
  readonly collate: string
  readonly vidType: {
    readonly type: number
    readonly typeLength?: number
    readonly geoShape?: number
  }
  /** Up to 2.6. */
  readonly group?: string
  /** Since 3.0. */
  readonly zones?: readonly string[]
  readonly isolationLevel?: number
  readonly comment?: string
}

/** A row of SHOW SNAPSHOTS; backups are among them. */
export interface SnapshotRow {
  readonly name: string
  readonly status: 'valid' | 'invalid'
  /** `host:port` of the storageds at its creation. */
  readonly hosts: readonly string[]
}

/** Where a service keeps its data: as the service itself sees its file system. */
export interface Directories {
  readonly root: string
  readonly data: readonly string[]
}

/** One service of listCluster. */
export interface ClusterNode {
  readonly address: ServiceAddress
  readonly role: ServiceRole
  /** Not known of metads up to 2.6. */
  readonly directories?: Directories
}

/** Where a partition stood when it was checkpointed. */
export interface PartitionLog {
  readonly logId: bigint
  readonly termId: bigint
  /** Since 3.3. */
  readonly commitLogId?: bigint
  readonly checkpointPath?: string
}

/** The checkpoint of one space in one data path of one storaged. */
export interface Checkpoint {
  /** The folder that holds `data` and `wal`: as the service sees it; may be relative in 2.0. */
  readonly path: string
  /** Only partitions that this storaged led. */
  readonly partitions: ReadonlyMap<number, PartitionLog>
}

export interface HostCheckpoints {
  readonly host: ServiceAddress
  readonly checkpoints: readonly Checkpoint[]
}

export interface SpaceBackup {
  readonly id: number
  readonly description: SpaceDescription
  readonly hosts: readonly HostCheckpoints[]
}

/** BackupMeta, whatever the generation. */
export interface BackupMeta {
  readonly generation: Generation
  readonly name: string
  readonly spaces: readonly SpaceBackup[]
  /** Paths in a reply, base names in a `.meta` file. */
  readonly metaFiles: readonly string[]
  /** Absent in 2.0, which knows nothing else. */
  readonly full?: boolean
  readonly allSpaces?: boolean
  /** Milliseconds since 1970; absent in 2.0. */
  readonly createTimeMs?: number
  /** Since 3.3; the open-source metad leaves them at their defaults. */
  readonly baseBackupName?: string
  readonly storageHosts?: readonly ServiceAddress[]
  readonly clusterId?: bigint
}

/** What createBackup brought. */
export interface CreatedBackup {
  readonly meta: BackupMeta
  /** The metad that answered: the files of its meta are there, whoever leads by now. */
  readonly answeredBy: ServiceAddress
}

/** What a cluster's metads say of it. Every call finds the leader where it has to. @throws nebula.* */
export interface MetaReader {
  /** Told once; the version is the newest that a service names, absent where none does. */
  version(io: Io): Promise<{ readonly generation: Generation; readonly version?: string }>
  leader(io: Io): Promise<ServiceAddress>
  /**
   * `alloc`: storageds that may hold partitions, with their partitions. `listener` is only to be
   * asked of 3.4 and newer, which know it.
   */
  listHosts(
    type: 'alloc' | 'graph' | 'meta' | 'storage' | 'listener',
    io: Io,
  ): Promise<readonly ServiceHost[]>
  listSpaces(io: Io): Promise<readonly Space[]>
  /** @throws nebula.space_not_found */
  getSpace(
    name: string,
    io: Io,
  ): Promise<{ readonly id: number; readonly description: SpaceDescription }>
  listSnapshots(io: Io): Promise<readonly SnapshotRow[]>
  /** Undefined with 2.0, which has no such call. */
  listCluster(io: Io): Promise<readonly ClusterNode[] | undefined>
  /** Of one metad itself, leader or not; undefined with 2.0. */
  metaDirectories(metad: ServiceAddress, io: Io): Promise<Directories | undefined>
  close(): Promise<void>
  /** nGQL over a graphd; absent where the inventory has none. */
  readonly graph?: GraphReader
}

/** The same, and what changes the cluster. */
export interface MetaClient extends MetaReader {
  readonly graph?: GraphClient
  /**
   * Blocks writes while it runs. Never sent twice, except after "I am not the leader".
   * @throws nebula.outcome_unknown where the answer was lost; nebula.backup_failed and others
   */
  createBackup(
    request: { readonly spaces?: readonly string[]; readonly timeoutMs?: number },
    io: Io,
  ): Promise<CreatedBackup>
  /** Sent once, as createBackup. The name is that of the row that is new afterwards. */
  createSnapshot(request: { readonly timeoutMs?: number }, io: Io): Promise<void>
  /** Drops snapshots and backups; one that is not there is `absent`. */
  dropSnapshot(name: string, io: Io): Promise<'dropped' | 'absent'>
  /**
   * Registers a storaged, as ADD HOSTS does: since 3.0 metads answer no storaged that is not registered.
   * `known` where it was, and with 2.x, which takes them all.
   */
  addHost(storaged: ServiceAddress, io: Io): Promise<'added' | 'known'>
  /** Of one metad itself. Files are paths as that metad sees them; it removes them. */
  restoreMeta(
    metad: ServiceAddress,
    request: {
      readonly files: readonly string[]
      readonly hosts: readonly { readonly from: ServiceAddress; readonly to: ServiceAddress }[]
    },
    io: Io,
  ): Promise<void>
}

/** `host:port`. */
export function addressText({ host, port }: ServiceAddress): string {
  return `${host}:${port}`
}
