import type { BackupRoot, NebulaBackupMetadata } from '../backup-metadata.ts'
import { addressText, type BackupMeta, type Checkpoint } from '../contract.ts'
import { metaCheckpointFolder, parseCheckpointPath, rootName } from '../layout.ts'
import { createdAt } from './list.ts'
import type { OfficialMeta } from './read-meta.ts'
import type { OfficialSurvey } from './survey.ts'

/** A service of our cluster, as far as it is known. */
export interface KnownService {
  readonly address: string
  /** The host of the inventory. */
  readonly host: string
  readonly data_dirs: readonly string[]
}

/** What a `.meta` does not say, from the inventory. */
export interface KnownCluster {
  readonly storageds: readonly KnownService[]
  readonly metads: readonly KnownService[]
}

/** A root of the backup that is made, and where its files are in the BR's. */
export interface ImportedRoot extends BackupRoot {
  /** Below BACKUP_x/. */
  readonly from: string
}

/** Only a backup of all spaces has these (specs/nebula.md §2.0). */
const ofAllSpaces = ['users', 'configs', 'groups', 'zones', 'sessions', 'machines']
const namePattern = /^BACKUP_(\d{4})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{2})$/

/**
 * The roots of an imported backup. What a storaged had goes under the host of the inventory that has its
 * address, else under the address's own host; where hosts hold the parts, under the host that holds it.
 */
export function importedRoots(
  { meta }: OfficialMeta,
  survey: OfficialSurvey,
  known: KnownCluster,
): readonly ImportedRoot[] {
  const metad = answeringMetad(known, survey)
  return [
    ...survey.folders.map(({ path, host, of: { address, data, space, checkpointPath } }) => ({
      as: rootName({ kind: 'data', address, data, space }),
      host: host ?? hostOf(address, known.storageds),
      path: checkpointPath,
      role: 'storaged' as const,
      address,
      space,
      data,
      from: path,
    })),
    {
      as: rootName({ kind: 'meta' }),
      host: survey.meta.host ?? metad.host,
      path: metaCheckpointFolder(metad.data_dirs[0] ?? '/', meta.name),
      role: 'metad' as const,
      address: metad.address,
      from: survey.meta.path,
    },
  ]
}

/** The metadata of an imported backup, from its `.meta` and what is known of the cluster. */
export function importedMetadata(
  official: OfficialMeta,
  survey: OfficialSurvey,
  known: KnownCluster,
): NebulaBackupMetadata {
  const { meta, bytes } = official
  const metad = answeringMetad(known, survey)
  return {
    kind: 'nebula',
    format: 1,
    name: meta.name,
    generation: meta.generation,
    version: null,
    created: createdAt(meta.createTimeMs) ?? timeOfName(meta.name),
    all_spaces: meta.allSpaces ?? holdsAllSpaces(meta.metaFiles),
    spaces: meta.spaces.map(({ id, description, hosts }) => ({
      id,
      name: description.name,
      partitions: description.partitions,
      replicas: description.replicas,
      logs: logsOf(hosts.flatMap(({ checkpoints }) => checkpoints)),
      fingerprint: null,
    })),
    storageds: storagedsOf(meta, known),
    metads: (known.metads.length > 0 ? known.metads : [metad]).map(
      ({ address, host, data_dirs }) => ({ address, host, data_dir: data_dirs[0] ?? '/' }),
    ),
    answered_by: metad.address,
    meta_files: [...meta.metaFiles],
    roots: importedRoots(official, survey, known).map(({ from: _from, ...root }) => root),
    meta: Buffer.from(bytes).toString('base64'),
    blocked_ms: 0,
  }
}

/**
 * A `.meta` does not say which metad answered, and it matters to nothing: each gets the same files. The
 * one that holds them, else the first.
 */
function answeringMetad({ metads, storageds }: KnownCluster, survey: OfficialSurvey): KnownService {
  const found = metads.find(({ host }) => host === survey.meta.host) ?? metads[0]
  if (found !== undefined) return found
  const host = survey.meta.host ?? storageds[0]?.host ?? survey.folders[0]?.of.address ?? 'metad'
  return { address: `${withoutPort(host)}:9559`, host: withoutPort(host), data_dirs: [] }
}

function hostOf(address: string, storageds: readonly KnownService[]): string {
  return storageds.find(known => known.address === address)?.host ?? withoutPort(address)
}

function withoutPort(address: string): string {
  return address.replace(/:\d+$/, '')
}

function storagedsOf(meta: BackupMeta, known: KnownCluster): NebulaBackupMetadata['storageds'] {
  const dirs = new Map<string, string[]>()
  for (const { host, checkpoints } of meta.spaces.flatMap(({ hosts }) => hosts)) {
    const own = dirs.get(addressText(host)) ?? []
    dirs.set(addressText(host), own)
    for (const [index, { path }] of checkpoints.entries()) {
      own[index] ??= parseCheckpointPath(path)?.dataDir ?? path
    }
  }
  return [...dirs].sort(byName).map(([address, data_dirs]) => ({
    address,
    host: hostOf(address, known.storageds),
    version: null,
    data_dirs,
    wal_dir: null,
  }))
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A storaged names the partitions that it leads; a newer log wins where two say they do. */
function logsOf(
  checkpoints: readonly Checkpoint[],
): Readonly<Record<string, { readonly log: string; readonly term: string }>> {
  const logs = new Map<number, { readonly logId: bigint; readonly termId: bigint }>()
  for (const { partitions } of checkpoints) {
    for (const [part, log] of partitions) {
      const other = logs.get(part)
      if (other === undefined || other.logId < log.logId) logs.set(part, log)
    }
  }
  return Object.fromEntries(
    [...logs].map(([part, { logId, termId }]) => [part, { log: `${logId}`, term: `${termId}` }]),
  )
}

function holdsAllSpaces(metaFiles: readonly string[]): boolean {
  return metaFiles.some(name => ofAllSpaces.some(table => name === `__${table}__.sst`))
}

/** A says no time; its name does, in the metad's zone, which is mostly UTC (specs/nebula.md §2.0). */
function timeOfName(name: string): string {
  const [, year, month, day, hour, minute, second] = namePattern.exec(name) ?? []
  const time = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  return createdAt(Date.parse(time)) ?? new Date(0).toISOString()
}
