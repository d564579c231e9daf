import { BkpError, throwFaults } from '../../../base/errors.ts'
import type { Fingerprint, NebulaBackupMetadata } from '../backup-metadata.ts'
import { addressText } from '../contract.ts'
import type { Instance } from '../instances.ts'
import { parseRootName } from '../layout.ts'
import { chooseScope, type RestoreScope, type ScopeRequest } from './choose-scope.ts'
import { chooseMetaMethod, type MetaPlan } from './meta-method.ts'
import { type Pairing, pairStorageds } from './pair-storageds.ts'
import { type PlacedTree, placeTrees } from './place-trees.ts'
import { clusterIdFiles, type FoldersByHost, foldersToSetAside } from './set-aside.ts'
import { compareVersions, type NebulaVersion, versionText } from './versions.ts'

/** A cluster as it is, and what of it is to be replaced. */
export interface RestoreRequest extends ScopeRequest {
  readonly cluster: NebulaVersion & { readonly instances: readonly Instance[] }
  /** Storageds of the backup and those that take their place: `host:port` both. */
  readonly hostMap: Readonly<Record<string, string>>
  /** Folders of spaces and of metads that lie on the hosts. */
  readonly existing: FoldersByHost
  /** Hosts of the inventory that may be missing: what is theirs is left out. */
  readonly allowMissing: readonly string[]
}

/** What a restore is going to do. */
export interface RestorePlan {
  readonly scope: RestoreScope
  /** What `repository.stage` takes. */
  readonly stage: {
    readonly host_map: Readonly<Record<string, string>>
    readonly path_map: Readonly<Record<string, string>>
    readonly paths: readonly string[]
  }
  readonly aside: FoldersByHost
  readonly clusterIdFiles: FoldersByHost
  readonly meta: MetaPlan
  readonly fingerprints: Readonly<Record<string, Fingerprint | null>>
  /** For people: both topologies, side by side. */
  readonly lines: readonly string[]
}

/**
 * Compares a backup with a cluster and says what goes where. Everything is compared before anything
 * is decided, and all that stands against it is said at once. Pure.
 * @throws nebula.version, nebula.topology, nebula.space_not_found, nebula.not_ready
 */
export function planRestore(backup: NebulaBackupMetadata, request: RestoreRequest): RestorePlan {
  const { cluster, hostMap } = request
  const { instances } = cluster
  const versions = compareVersions(backup, cluster)
  const scope = chooseScope(backup, request)
  const spaces = new Set(scope.spaces.map(({ id }) => id))
  const news = instances
    .filter(({ role }) => role === 'storaged')
    .map(({ address }) => addressText(address))
  const pairing = pairStorageds(oldStorageds(backup, spaces, request.allowMissing), news, hostMap)
  const { trees, faults } = placeTrees(backup, pairing.pairs, instances, spaces)
  const lines = [
    ...versionLines(backup, cluster, versions.warning),
    ...pairLines(pairing, trees, new Set(backup.roots.map(({ address }) => address))),
    ...metadLines(backup, instances),
  ]
  const topologyFaults = [...pairing.faults, ...faults, ...movedSpaces(scope, pairing)]
  throwFaults(
    [
      ...(versions.fault === undefined ? [] : [versions.fault]),
      ...(topologyFaults.length === 0 ? [] : [topologyError(backup.name, topologyFaults, lines)]),
    ],
    `the cluster cannot take backup ${backup.name}`,
  )
  const metads = instances.filter(({ role }) => role === 'metad').length
  const meta = chooseMetaMethod(pairing.pairs, { ...cluster, metads, metaFiles: scope.metaFiles })
  const aside = foldersToSetAside({
    instances,
    trees,
    existing: request.existing,
    ...(scope.kind === 'all' ? {} : { spaces }),
  })
  return {
    scope,
    stage: stageArguments(backup, trees, instances),
    aside,
    clusterIdFiles: scope.kind === 'all' ? clusterIdFiles(instances) : {},
    meta,
    fingerprints: Object.fromEntries(
      backup.spaces
        .filter(({ id }) => spaces.has(id))
        .map(({ name, fingerprint }) => [name, fingerprint]),
    ),
    lines: [...lines, ...meta.lines, ...scopeLines(scope, aside), ...counterLines(backup)],
  }
}

function oldStorageds(
  { roots, storageds }: NebulaBackupMetadata,
  spaces: ReadonlySet<number>,
  allowMissing: readonly string[],
): readonly { readonly address: string; readonly holdsParts: boolean }[] {
  const holding = new Set(
    roots.flatMap(({ as }) => {
      const root = parseRootName(as)
      return root?.kind === 'data' && spaces.has(root.space) ? [root.address] : []
    }),
  )
  const optional = new Set(
    storageds.filter(({ host }) => allowMissing.includes(host)).map(({ address }) => address),
  )
  const all = new Set([...storageds.map(({ address }) => address), ...holding])
  return [...all].map(address => ({
    address,
    holdsParts: holding.has(address) && !optional.has(address),
  }))
}

/** The pairs of a restore of some spaces would rewrite the partitions of the others, too. */
function movedSpaces(scope: RestoreScope, { pairs }: Pairing): readonly string[] {
  if (scope.kind === 'all') return []
  return pairs
    .filter(({ from, to }) => from !== to)
    .map(({ from, to }) => `${from} cannot become ${to}: other spaces keep their partitions there`)
}

function topologyError(
  name: string,
  faults: readonly string[],
  lines: readonly string[],
): BkpError {
  const text = [...faults, 'the backup, and the cluster:', ...lines.map(line => `  ${line}`)]
  return new BkpError(
    'nebula.topology',
    `the cluster is not laid out as backup ${name}: ${text.join('\n')}`,
    {
      hint: 'map storageds of the backup to those of the cluster with host_map: { "old:9779": "new:9779" }',
      details: { faults, lines },
    },
  )
}

/** Hosts of the backup that only have metads take part in no stage, but each has to have a name. */
function stageArguments(
  { roots }: NebulaBackupMetadata,
  trees: readonly PlacedTree[],
  instances: readonly Instance[],
): RestorePlan['stage'] {
  const hostMap: Record<string, string> = {}
  for (const { root, host } of trees) hostMap[root.host] = host
  const there = new Set(instances.map(({ hostName }) => hostName))
  const [anyHost] = there
  for (const { host } of roots) {
    if (hostMap[host] === undefined && anyHost !== undefined) {
      hostMap[host] = there.has(host) ? host : anyHost
    }
  }
  return {
    host_map: hostMap,
    path_map: Object.fromEntries(trees.map(({ root, target }) => [root.as, target])),
    paths: trees.map(({ root }) => root.as),
  }
}

function versionLines(
  backup: NebulaBackupMetadata,
  cluster: NebulaVersion,
  warning: string | undefined,
): readonly string[] {
  return [
    `${backup.name} of NebulaGraph ${versionText(backup)}, into ${versionText(cluster)}`,
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
  ]
}

function pairLines(
  { pairs, gone, added }: Pairing,
  trees: readonly PlacedTree[],
  held: ReadonlySet<string>,
): readonly string[] {
  const of = ({ to }: { readonly to: string }): string => {
    const own = trees.filter(tree => tree.to === to)
    if (own.length === 0) return 'held no partition'
    const spaces = [...new Set(own.map(({ space }) => space))].toSorted((a, b) => a - b)
    return `${own[0]?.host ?? ''}, ${own.length} trees of space ${spaces.join(', ')}`
  }
  return [
    ...pairs.map(pair =>
      pair.from === pair.to
        ? `  storaged ${pair.from} (${of(pair)})`
        : `~ storaged ${pair.from} becomes ${pair.to} (${of(pair)})`,
    ),
    ...gone.map(
      address =>
        `- storaged ${address} is not in the cluster: SHOW HOSTS may list it until DROP HOSTS${held.has(address) ? '; WARNING: it held partitions, which are left out' : ''}`,
    ),
    ...added.map(address => `+ storaged ${address} gets nothing of the backup: BALANCE fills it`),
  ]
}

function metadLines(
  { metads: olds }: NebulaBackupMetadata,
  instances: readonly Instance[],
): readonly string[] {
  const news = instances
    .filter(({ role }) => role === 'metad')
    .map(({ address }) => addressText(address))
  const old = new Set(olds.map(({ address }) => address))
  return [
    ...news.map(address => `${old.has(address) ? ' ' : '+'} metad ${address}`),
    ...[...old].filter(address => !news.includes(address)).map(address => `- metad ${address}`),
  ]
}

function scopeLines(scope: RestoreScope, aside: FoldersByHost): readonly string[] {
  const folders = Object.values(aside).flat().length
  return [
    scope.kind === 'all'
      ? `all spaces are replaced (${scope.spaces.map(({ name }) => name).join(', ')}); users and passwords become those of the backup`
      : `only ${scope.spaces.map(({ name }) => name).join(', ')} is replaced`,
    ...(folders === 0 ? [] : [`${folders} folders are set aside`]),
  ]
}

/** Up to 2.0 the counter of ids is in no backup (specs/nebula.md §2.0), and empty metads begin anew. */
function counterLines({ generation, spaces }: NebulaBackupMetadata): readonly string[] {
  if (generation !== '2.0' || spaces.length === 0) return []
  const last = Math.max(...spaces.map(({ id }) => id))
  return [
    `warning: metads of 2.0 count ids from 1 again: a space, tag or edge type that is created later may take the id, and so the place, of one that is there (ids of spaces go up to ${last})`,
  ]
}
