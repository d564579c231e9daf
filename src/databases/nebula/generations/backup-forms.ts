import { BkpError } from '../../../base/errors.ts'
import type {
  BackupMeta,
  Checkpoint,
  Generation,
  HostCheckpoints,
  PartitionLog,
  ServiceAddress,
  SpaceBackup,
} from '../contract.ts'
import type { ThriftReader } from '../thrift/reader.ts'
import type { ThriftStruct, ValueOf } from '../thrift/types.ts'
import type { ThriftWriter } from '../thrift/writer.ts'
import { BackupMeta20, BackupMeta21, BackupMeta30, BackupMeta33 } from './backups.ts'
import { readAddress } from './read-address.ts'
import { readSpaceDescription, type SpaceDescValue, writeSpaceDescription } from './spaces.ts'

type Meta20 = ValueOf<typeof BackupMeta20>
type Meta21 = ValueOf<typeof BackupMeta21>
type Meta30 = ValueOf<typeof BackupMeta30>
type Meta33 = ValueOf<typeof BackupMeta33>

/** How a generation writes BackupMeta, and what it means. */
interface BackupForm<T> {
  readonly struct: ThriftStruct<T>
  /** @throws nebula.protocol for what no metad says */
  read(value: T): BackupMeta
  write(meta: BackupMeta): T
}

const form20: BackupForm<Meta20> = {
  struct: BackupMeta20,
  read: value => ({
    ...common('2.0', value),
    spaces: spaces(value.backupInfo, ({ space, cpDirs = [] }) => ({
      space,
      hosts: byHost(cpDirs.map(({ host, checkpointDir = '' }) => ({ host, path: checkpointDir }))),
    })),
  }),
  write: meta => ({
    backupInfo: new Map(
      meta.spaces.map(({ id, description, hosts }) => [
        id,
        {
          space: writeSpaceDescription(description, '2.0'),
          partitionInfo: { info: new Map() },
          cpDirs: hosts.flatMap(({ host, checkpoints }) =>
            checkpoints.map(({ path }) => ({ host, checkpointDir: path })),
          ),
        },
      ]),
    ),
    metaFiles: meta.metaFiles,
    backupName: meta.name,
  }),
}

const form21: BackupForm<Meta21> = {
  struct: BackupMeta21,
  read: value => ({
    ...common('2.1', value),
    spaces: spaces(value.backupInfo, ({ space, info: hosts = [] }) => ({
      space,
      hosts: hosts.map(({ host, info = [] }) => ({
        host: readAddress(host),
        checkpoints: info.map(({ path = '', partitionInfo }) =>
          checkpoint(path, partitionInfo?.info),
        ),
      })),
    })),
  }),
  write: meta => ({
    backupInfo: new Map(
      meta.spaces.map(({ id, description, hosts }) => [
        id,
        {
          space: writeSpaceDescription(description, '2.1'),
          info: hosts.map(({ host, checkpoints }) => ({
            host,
            info: checkpoints.map(({ path, partitions }) => ({
              partitionInfo: { info: partitions },
              path,
            })),
          })),
        },
      ]),
    ),
    ...ofBackup(meta),
  }),
}

const form30: BackupForm<Meta30> = {
  struct: BackupMeta30,
  read: value => ({ ...common('3.0', value), spaces: spaces(value.spaceBackups, hostBackups) }),
  write: meta => ({ spaceBackups: writeHostBackups(meta, '3.0', log => log), ...ofBackup(meta) }),
}

const form33: BackupForm<Meta33> = {
  struct: BackupMeta33,
  read: value => ({
    ...common('3.3', value),
    spaces: spaces(value.spaceBackups, hostBackups),
    ...(value.baseBackupName === undefined ? {} : { baseBackupName: value.baseBackupName }),
    ...(value.storageHosts === undefined
      ? {}
      : { storageHosts: value.storageHosts.map(host => readAddress(host)) }),
    ...(value.clusterId === undefined ? {} : { clusterId: value.clusterId }),
  }),
  // BR of 3.3 and later writes these fields whatever the server said (specs/nebula.md §5.1).
  write: meta => ({
    spaceBackups: writeHostBackups(meta, '3.3', log => ({
      ...log,
      commitLogId: log.commitLogId ?? 0n,
      checkpointPath: log.checkpointPath ?? '',
    })),
    ...ofBackup(meta),
    baseBackupName: meta.baseBackupName ?? '',
    storageHosts: meta.storageHosts ?? [],
    clusterId: meta.clusterId ?? 0n,
  }),
}

/** The struct of a generation as the neutral model, on the wire and back. */
export interface BackupCodec {
  /** The type of a field that holds a BackupMeta. */
  readonly struct: ThriftStruct<unknown>
  read(reader: ThriftReader): BackupMeta
  write(writer: ThriftWriter, meta: BackupMeta): void
  /** What a decoded struct means. @throws nebula.protocol for what no metad says */
  neutral(value: unknown): BackupMeta
}

function codec<T>({ struct, read, write }: BackupForm<T>): BackupCodec {
  return Object.freeze({
    struct,
    read: reader => read(struct.read(reader)),
    write: (writer, meta) => struct.write(writer, write(meta)),
    neutral: value => read(value as T),
  } satisfies BackupCodec)
}

/** By generation. */
export const backupCodecs: Readonly<Record<Generation, BackupCodec>> = Object.freeze({
  '2.0': codec(form20),
  '2.1': codec(form21),
  '3.0': codec(form30),
  '3.3': codec(form33),
})

/** Backups are named by the metad's clock; the name becomes a path, so it is checked here. */
export const backupName = /^BACKUP_\d{4}(_\d{2}){5}$/

function common(
  generation: Generation,
  value: {
    readonly backupName?: string | undefined
    readonly metaFiles?: readonly string[] | undefined
    readonly full?: boolean | undefined
    readonly allSpaces?: boolean | undefined
    readonly createTime?: bigint | undefined
  },
) {
  const { backupName: name = '', metaFiles = [], full, allSpaces, createTime } = value
  if (!backupName.test(name)) throw impossible(`a backup named "${name}"`)
  if (createTime !== undefined && (createTime < 0n || createTime > 8_640_000_000_000_000n)) {
    throw impossible(`a backup made ${createTime} ms after 1970`)
  }
  return {
    generation,
    name,
    metaFiles,
    ...(full === undefined ? {} : { full }),
    ...(allSpaces === undefined ? {} : { allSpaces }),
    ...(createTime === undefined ? {} : { createTimeMs: Number(createTime) }),
  }
}

function ofBackup({ metaFiles, name, full = true, allSpaces = true, createTimeMs }: BackupMeta) {
  return {
    metaFiles,
    backupName: name,
    full,
    allSpaces,
    ...(createTimeMs === undefined ? {} : { createTime: BigInt(createTimeMs) }),
  }
}

function spaces<T>(
  infos: ReadonlyMap<number, T> = new Map(),
  read: (info: T) => {
    readonly space: SpaceDescValue | undefined
    readonly hosts: readonly HostCheckpoints[]
  },
): readonly SpaceBackup[] {
  return [...infos].map(([id, info]) => {
    if (id < 1) throw impossible(`a space with the id ${id}`)
    const { space, hosts } = read(info)
    return { id, description: readSpaceDescription(space), hosts }
  })
}

/** Paths of one host stand together, as they do in later generations. */
function byHost(
  dirs: readonly {
    readonly host: Parameters<typeof readAddress>[0]
    readonly path: string
  }[],
): readonly HostCheckpoints[] {
  const hosts = new Map<string, { host: ServiceAddress; checkpoints: Checkpoint[] }>()
  for (const dir of dirs) {
    const host = readAddress(dir.host)
    const key = `${host.host}:${host.port}`
    const entry = hosts.get(key) ?? { host, checkpoints: [] }
    entry.checkpoints.push(checkpoint(dir.path))
    hosts.set(key, entry)
  }
  return [...hosts.values()]
}

interface LogValue {
  readonly logId?: bigint | undefined
  readonly termId?: bigint | undefined
  readonly commitLogId?: bigint | undefined
  readonly checkpointPath?: string | undefined
}

function checkpoint(path: string, parts: ReadonlyMap<number, LogValue> = new Map()): Checkpoint {
  const partitions = [...parts].map(([id, log]): [number, PartitionLog] => [
    id,
    {
      logId: log.logId ?? 0n,
      termId: log.termId ?? 0n,
      ...(log.commitLogId === undefined ? {} : { commitLogId: log.commitLogId }),
      ...(log.checkpointPath === undefined ? {} : { checkpointPath: log.checkpointPath }),
    },
  ])
  return { path, partitions: new Map(partitions) }
}

function hostBackups({
  space,
  hostBackups: hosts = [],
}: NonNullable<Meta33['spaceBackups']> extends ReadonlyMap<number, infer S> ? S : never) {
  return {
    space,
    hosts: hosts.map(({ host, checkpoints = [] }) => ({
      host: readAddress(host),
      checkpoints: checkpoints.map(({ path = '', parts }) => checkpoint(path, parts)),
    })),
  }
}

function writeHostBackups(
  meta: BackupMeta,
  generation: Generation,
  writeLog: (log: PartitionLog) => LogValue,
) {
  return new Map(
    meta.spaces.map(({ id, description, hosts }) => [
      id,
      {
        space: writeSpaceDescription(description, generation),
        hostBackups: hosts.map(({ host, checkpoints }) => ({
          host,
          checkpoints: checkpoints.map(({ path, partitions }) => ({
            spaceId: id,
            parts: new Map([...partitions].map(([part, log]) => [part, writeLog(log)])),
            path,
          })),
        })),
      },
    ]),
  )
}

function impossible(what: string): BkpError {
  return new BkpError('nebula.protocol', `${what}: that is of no metad`)
}
