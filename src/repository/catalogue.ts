import { asBkpError, BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { byCode } from '../base/text.ts'
import { getIfThere } from './get-if-there.ts'
import { decodeManifest } from './manifest.ts'
import { type BackupManifest, BackupManifest_State, BackupMeta_Kind } from './manifest_pb.ts'
import {
  type BackupName,
  forgottenPrefix,
  isBackupName,
  manifestKey,
  manifestName,
  manifestPrefix,
} from './names.ts'
import type { Backup, Repository } from './repository.ts'
import { isoTime } from './views.ts'

/** What a backup is to a reader. Forgotten ones can be read until a vacuum has swept them. */
export type BackupState = 'complete' | 'incomplete' | 'partial' | 'forgotten'

/** One backup of `bkp list --json`: the names are those of design §8. Sizes in bytes. */
export interface BackupSummary {
  readonly name: BackupName
  /** ISO 8601 UTC. */
  readonly time: string
  readonly state: BackupState
  readonly kind: 'full' | 'incremental'
  readonly parent: BackupName | null
  readonly cluster: { readonly name: string; readonly kind: string; readonly version: string }
  readonly hosts: readonly string[]
  readonly missing: readonly string[]
  readonly files: number
  readonly bytes: number
  readonly new_bytes: number
  readonly labels: Readonly<Record<string, string>>
  /** Of a copy: the repository's id where it was taken, and its name there. */
  readonly copied_from?: { readonly repository: string; readonly name: BackupName }
}

/** All that can be said of a repository's backups. */
export interface Catalogue {
  /** Oldest first. */
  readonly backups: readonly BackupSummary[]
  /** Manifests that could not be read; the others are listed nevertheless. */
  readonly damaged: readonly { readonly name: BackupName; readonly error: BkpError }[]
}

/** Which cluster a backup is of. Both together identify it. */
export interface ClusterIdentity {
  readonly kind: string
  readonly name: string
}

/** A manifest's name, and whether it was forgotten. */
export interface CatalogueEntry {
  readonly name: BackupName
  readonly forgotten: boolean
}

/** Names of all registers, tombstones too, oldest first, with whether each was forgotten. */
export async function listRegisters(repo: Repository, io: Io): Promise<readonly CatalogueEntry[]> {
  // Manifests first: a backup forgotten in between is then shown as forgotten, never as gone.
  const names: BackupName[] = []
  for await (const { key } of repo.storage.list(manifestPrefix, io)) {
    const name = manifestName(key)
    if (name !== undefined) names.push(name)
  }
  const forgotten = await listForgotten(repo, io)
  return names.map(name => ({ name, forgotten: forgotten.has(name) }))
}

async function listForgotten(repo: Repository, io: Io): Promise<ReadonlySet<BackupName>> {
  const forgotten = new Set<BackupName>()
  for await (const { key } of repo.storage.list(forgottenPrefix, io)) {
    const name = key.slice(forgottenPrefix.length)
    if (isBackupName(name)) forgotten.add(name)
  }
  return forgotten
}

/** Every backup, oldest first. Reads each manifest, one at a time. @throws storage.* */
export async function listBackups(repo: Repository, io: Io): Promise<Catalogue> {
  const backups: BackupSummary[] = []
  const damaged: { readonly name: BackupName; readonly error: BkpError }[] = []
  for (const entry of await listRegisters(repo, io)) {
    try {
      const manifest = await readRegister(repo, entry.name, io)
      if (manifest !== undefined) backups.push(summarize(entry.name, manifest, entry.forgotten))
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!error.code.startsWith('repository.')) throw error
      damaged.push({ name: entry.name, error })
    }
  }
  return { backups: backups.toSorted(byAge), damaged }
}

/** Oldest first: by the second in which each was begun, wherever that was. */
function byAge(a: BackupSummary, b: BackupSummary): number {
  return byCode(earlier(a.name, a.copied_from?.name), earlier(b.name, b.copied_from?.name))
}

/**
 * The second in which a backup was begun: its name, or, of a copy, the name it had where it was taken.
 * That is never later than its own name: a copy whose name was taken has one of the next seconds.
 */
export function begunAt({ name, manifest }: Backup): BackupName {
  return earlier(name, manifest.backupMeta?.copiedFrom?.name)
}

function earlier(name: BackupName, first: BackupName | undefined): BackupName {
  return first !== undefined && first < name ? first : name
}

/** The manifest of a register; nothing for a tombstone or an absent one. @throws repository.manifest_invalid */
export async function readRegister(
  repo: Repository,
  name: BackupName,
  io: Io,
): Promise<BackupManifest | undefined> {
  const bytes = await getIfThere(repo.storage, manifestKey(name), io)
  const manifest = bytes === undefined ? undefined : decodeManifest(bytes, name)
  return manifest?.state === BackupManifest_State.REVOKED ? undefined : manifest
}

/** The cluster of a manifest; one without (made by another tool) counts as the set `default`. */
export function clusterOf(manifest: BackupManifest): ClusterIdentity {
  const { kind = '', name = '' } = manifest.backupMeta?.cluster ?? {}
  return { kind: kind === '' ? 'files' : kind, name: name === '' ? 'default' : name }
}

export function isSameCluster(a: ClusterIdentity, b: ClusterIdentity): boolean {
  return a.kind === b.kind && a.name === b.name
}

/** Complete: committed, all expected hosts there. Says nothing of being forgotten. */
export function isComplete(manifest: BackupManifest): boolean {
  return (
    manifest.state === BackupManifest_State.COMPLETE &&
    manifest.backupMeta?.hostsMissing.length === 0
  )
}

/** One line of the catalogue. */
export function summarize(
  name: BackupName,
  manifest: BackupManifest,
  forgotten: boolean,
): BackupSummary {
  const meta = manifest.backupMeta
  const missing = meta?.hostsMissing ?? []
  return {
    name,
    time: isoTime(meta?.backupTimeNs ?? 0n),
    state: forgotten
      ? 'forgotten'
      : manifest.state === BackupManifest_State.PARTIAL
        ? 'partial'
        : missing.length > 0
          ? 'incomplete'
          : 'complete',
    kind: meta?.kind === BackupMeta_Kind.INCREMENTAL ? 'incremental' : 'full',
    parent: meta === undefined || meta.parent === '' ? null : meta.parent,
    cluster: { ...clusterOf(manifest), version: meta?.cluster?.version ?? '' },
    hosts: (meta?.hostsExpected ?? []).filter(host => !missing.includes(host)),
    missing,
    files: Number(meta?.totals?.files ?? 0n),
    bytes: Number(meta?.totals?.bytes ?? 0n),
    new_bytes: Number(meta?.totals?.newBytes ?? 0n),
    labels: meta?.labels ?? {},
    ...(meta?.copiedFrom === undefined
      ? {}
      : { copied_from: { repository: meta.copiedFrom.repository, name: meta.copiedFrom.name } }),
  }
}

/** Which backup a user means: `BACKUP` of the command line, and `--cluster` where it was given. */
export interface BackupQuery {
  /** An exact name, a unique prefix of one, or `latest`. */
  readonly backup: string
  /** The cluster's name, with its kind where that is known. Only `latest` looks at it. */
  readonly cluster?: { readonly name: string; readonly kind?: string }
}

/**
 * The backup a user means, its manifest read. `latest` is the newest complete one with no host
 * missing, of the cluster; forgotten and partial ones are found by name only.
 * @throws repository.backup_not_found, repository.backup_ambiguous, repository.manifest_invalid
 */
export async function resolveBackup(repo: Repository, query: BackupQuery, io: Io): Promise<Backup> {
  const entries = await listRegisters(repo, io)
  if (query.backup === 'latest') return await findLatest(repo, entries, query, io)
  const exact = entries.filter(entry => entry.name === query.backup)
  const begun = entries.filter(e => query.backup !== '' && e.name.startsWith(query.backup))
  const matches = exact.length > 0 ? exact : begun
  const found: Backup[] = []
  for (const { name } of matches) {
    const manifest = await readRegister(repo, name, io)
    if (manifest !== undefined) found.push({ name, manifest })
    if (found.length > 1) throw ambiguousPrefix(query.backup, matches)
  }
  const [backup] = found
  if (backup !== undefined) return backup
  throw new BkpError('repository.backup_not_found', `${repo.url} holds no backup ${query.backup}`, {
    hint: 'bkp list shows the backups of a repository; "latest" is the newest complete one',
    details: { backup: query.backup },
  })
}

function ambiguousPrefix(prefix: string, matches: readonly CatalogueEntry[]): BkpError {
  const names = matches.map(({ name }) => name)
  const shown = `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`
  return new BkpError(
    'repository.backup_ambiguous',
    `"${prefix}" begins several backups: ${shown}`,
    {
      hint: 'write more of the name',
    },
  )
}

async function findLatest(
  repo: Repository,
  entries: readonly CatalogueEntry[],
  query: BackupQuery,
  io: Io,
): Promise<Backup> {
  const wanted = query.cluster
  let latest: Backup | undefined
  const clusters = new Map<string, ClusterIdentity>()
  for (const { name, forgotten } of entries.toReversed()) {
    if (forgotten) continue
    // What comes now was begun earlier: names descend, and none was begun after its name says.
    if (wanted?.kind !== undefined && latest !== undefined && name <= begunAt(latest)) break
    const manifest = await readRegister(repo, name, io)
    if (manifest === undefined || !isComplete(manifest)) continue
    const cluster = clusterOf(manifest)
    if (wanted !== undefined && !isWanted(cluster, wanted)) continue
    const found: Backup = { name, manifest }
    if (latest === undefined || begunAt(found) > begunAt(latest)) latest = found
    // Without a cluster all must be read: "latest" of several would be a guess.
    clusters.set(`${cluster.kind} ${cluster.name}`, cluster)
  }
  if (clusters.size > 1) {
    const names = [...clusters.values()].map(({ kind, name }) => `${name} (${kind})`).sort()
    throw new BkpError(
      'repository.backup_ambiguous',
      `${repo.url} holds backups of several clusters: ${names.join(', ')}`,
      { hint: 'say which one: --cluster NAME' },
    )
  }
  if (latest !== undefined) return latest
  const of = wanted === undefined ? '' : ` of cluster ${wanted.name}`
  throw new BkpError('repository.backup_not_found', `${repo.url} holds no complete backup${of}`, {
    hint: 'bkp list shows the backups of a repository, partial and incomplete ones too',
  })
}

function isWanted(
  cluster: ClusterIdentity,
  wanted: { readonly name: string; readonly kind?: string },
): boolean {
  return cluster.name === wanted.name && (wanted.kind === undefined || cluster.kind === wanted.kind)
}
