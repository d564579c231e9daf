import type {
  BackupRoot,
  Fingerprint,
  NebulaBackupMetadata,
} from '../../../databases/nebula/backup-metadata.ts'
import {
  addressText,
  type CreatedBackup,
  type ServiceHost,
  type SpaceBackup,
} from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { rootName } from '../../../databases/nebula/layout.ts'
import { encodeMetaFile, metaFileLayout } from '../../../databases/nebula/meta-file.ts'
import type { CheckedBackup } from './check.ts'

/** Trees of a backup, in a fixed order: storageds by address, then the meta. */
export function rootsOf({ checkpoints, wals, meta }: CheckedBackup): readonly BackupRoot[] {
  const data = checkpoints.map(({ host, path, address, space, data: index }) => ({
    as: rootName({ kind: 'data', address, data: index, space }),
    host,
    path,
    role: 'storaged' as const,
    address,
    space,
    data: index,
  }))
  const logs = wals.map(({ host, path, address, space }) => ({
    as: rootName({ kind: 'wal', address, space }),
    host,
    path,
    role: 'storaged' as const,
    address,
    space,
  }))
  const { host, path, address } = meta
  const trees = [...data, ...logs].sort((one, other) => (one.as < other.as ? -1 : 1))
  return [...trees, { as: rootName({ kind: 'meta' }), host, path, role: 'metad', address }]
}

/** What goes into the manifest's metadata: all that a restore needs and is no file. */
export function metadataOf(
  created: CreatedBackup,
  checked: CheckedBackup,
  known: {
    readonly version: string | null
    readonly all: boolean
    readonly now: Date
    readonly blockedMs: number
    readonly instances: readonly Instance[]
    /** listHosts of storageds, for their versions. */
    readonly storageds: readonly ServiceHost[]
    readonly fingerprints: Readonly<Record<string, Fingerprint>>
  },
): NebulaBackupMetadata {
  const { meta } = created
  const versions = new Map(
    known.storageds.map(({ address, version }) => [addressText(address), version] as const),
  )
  const createdAt = meta.createTimeMs === undefined ? known.now : new Date(meta.createTimeMs)
  return {
    kind: 'nebula',
    format: 1,
    name: meta.name,
    generation: meta.generation,
    version: known.version,
    created: createdAt.toISOString(),
    all_spaces: known.all,
    spaces: meta.spaces.map(space => ({
      id: space.id,
      name: space.description.name,
      partitions: space.description.partitions,
      replicas: space.description.replicas,
      logs: logsOf(space),
      fingerprint: known.fingerprints[space.description.name] ?? null,
    })),
    storageds: known.instances
      .filter(({ role }) => role === 'storaged')
      .map(({ address, hostName, dataDirs, walDir }) => ({
        address: addressText(address),
        host: hostName,
        version: versions.get(addressText(address)) ?? null,
        data_dirs: [...dataDirs],
        wal_dir: walDir ?? null,
      })),
    metads: known.instances
      .filter(({ role }) => role === 'metad')
      .map(({ address, hostName, dataDirs }) => ({
        address: addressText(address),
        host: hostName,
        data_dir: dataDirs[0] ?? '/',
      })),
    answered_by: addressText(created.answeredBy),
    meta_files: [...checked.meta.files],
    roots: [...rootsOf(checked)],
    meta: Buffer.from(encodeMetaFile(meta, metaFileLayout(meta.generation))).toString('base64'),
    blocked_ms: known.blockedMs,
  }
}

/** Each storaged names the partitions that it led (specs/nebula.md §2.0). */
function logsOf({ hosts }: SpaceBackup): NebulaBackupMetadata['spaces'][number]['logs'] {
  const logs = new Map<number, { readonly log: bigint; readonly term: bigint }>()
  for (const { partitions } of hosts.flatMap(({ checkpoints }) => checkpoints)) {
    for (const [part, { logId: log, termId: term }] of partitions) {
      const other = logs.get(part)
      if (other === undefined || other.log < log) logs.set(part, { log, term })
    }
  }
  return Object.fromEntries(
    [...logs]
      .sort(([one], [other]) => one - other)
      .map(([part, { log, term }]) => [part, { log: String(log), term: String(term) }]),
  )
}
