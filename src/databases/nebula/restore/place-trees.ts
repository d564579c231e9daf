import type { BackupRoot, NebulaBackupMetadata } from '../backup-metadata.ts'
import { addressText } from '../contract.ts'
import type { Instance } from '../instances.ts'
import { parseRootName, spaceFolder } from '../layout.ts'
import type { StoragedPair } from './pair-storageds.ts'

/** A tree of the backup and where it goes. */
export interface PlacedTree {
  readonly root: BackupRoot
  /** The host of the inventory that gets it. */
  readonly host: string
  /** A folder on it, absolute. */
  readonly target: string
  /** `host:port` of the storaged that gets it. */
  readonly to: string
  readonly space: number
}

/** Where the trees go, and what stands against it. */
export interface Placement {
  readonly trees: readonly PlacedTree[]
  readonly faults: readonly string[]
}

/**
 * Where each tree of storageds goes: into the same data path, by number, of the storaged that takes its
 * place (specs/nebula.md §3.2). Logs that were kept apart (`--wal_path`) go where the new one keeps them. Pure.
 */
export function placeTrees(
  backup: Pick<NebulaBackupMetadata, 'roots' | 'storageds'>,
  pairs: readonly StoragedPair[],
  instances: readonly Instance[],
  spaces: ReadonlySet<number>,
): Placement {
  const newOf = new Map(pairs.map(({ from, to }) => [from, to]))
  const storageds = new Map(
    instances
      .filter(({ role }) => role === 'storaged')
      .map(instance => [addressText(instance.address), instance]),
  )
  const faults = pairs.flatMap(pair => differentPaths(backup, pair, storageds.get(pair.to)))
  const trees = backup.roots.flatMap((root): PlacedTree[] => {
    const logical = parseRootName(root.as)
    if (logical === undefined || logical.kind === 'meta' || !spaces.has(logical.space)) return []
    const instance = storageds.get(newOf.get(logical.address) ?? '')
    const folder = logical.kind === 'data' ? instance?.dataDirs[logical.data] : instance?.walDir
    if (instance === undefined || folder === undefined) return []
    const below = logical.kind === 'wal' && /\/wal\/*$/.test(root.path) ? '/wal' : ''
    const target = `${spaceFolder(folder, logical.space)}${below}`
    const to = addressText(instance.address)
    return [{ root, host: instance.hostName, target, to, space: logical.space }]
  })
  return { trees, faults: [...faults, ...splitHosts(trees)] }
}

function differentPaths(
  { storageds }: Pick<NebulaBackupMetadata, 'storageds'>,
  { from, to }: StoragedPair,
  instance: Instance | undefined,
): readonly string[] {
  const old = storageds.find(({ address }) => address === from)
  if (old === undefined || instance === undefined) return []
  const faults: string[] = []
  if (old.data_dirs.length !== instance.dataDirs.length) {
    faults.push(
      `${from} had ${counted(old.data_dirs)}, and ${to} has ${counted(instance.dataDirs)}: the numbers must be the same`,
    )
  }
  if (old.wal_dir !== null && instance.walDir === undefined) {
    faults.push(
      `${from} kept its logs in ${old.wal_dir}, and ${to} has no --wal_path: set it in ${instance.conf}`,
    )
  }
  return faults
}

function counted(paths: readonly string[]): string {
  return `${paths.length} data path${paths.length === 1 ? '' : 's'} (${paths.join(', ')})`
}

/** One stage moves all trees of a host to one host. */
function splitHosts(trees: readonly PlacedTree[]): readonly string[] {
  const first = new Map<string, PlacedTree>()
  return trees.flatMap(tree => {
    const before = first.get(tree.root.host)
    if (before === undefined) first.set(tree.root.host, tree)
    if (before === undefined || before.host === tree.host) return []
    return [
      `storageds of ${tree.root.host} would go to several hosts: ${before.root.address} to ${before.host}, ${tree.root.address} to ${tree.host}`,
    ]
  })
}
