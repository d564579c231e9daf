import { BkpError, throwFaults } from '../../../base/errors.ts'
import type { OwnTree } from '../../../repository/restore/own/trees.ts'
import { addressText } from '../contract.ts'
import type { Instance } from '../instances.ts'
import { checkpointFolder, metaCheckpointFolder, spaceFolder, spacesFolder } from '../layout.ts'
import type { FoldersByHost } from './set-aside.ts'

/** What putting a snapshot back takes. */
export interface SnapshotPlan {
  readonly trees: readonly OwnTree[]
  /** Folders of checkpoints that must hold a whole RocksDB, with their hosts. */
  readonly databases: readonly { readonly host: string; readonly path: string }[]
  readonly lines: readonly string[]
}

/** Immutable files of RocksDB: a hard link of one is as good as a copy (specs/nebula.md §3.2). */
const immutable = '.sst'

/** Globs of the folders that `planSnapshot` has to know of on a host. */
export function snapshotFolders(instance: Instance, name: string): readonly string[] {
  const within = (root: string, space: string): readonly string[] => [
    `${root}/${space}`,
    `${root}/${space}/data`,
    `${root}/${space}/wal`,
    `${root}/${space}/checkpoints/${name}/data`,
    `${root}/${space}/checkpoints/${name}/wal`,
  ]
  const roots = dataRoots(instance).map(root => root.replace(/[[*?]/g, '[$&]'))
  if (instance.role === 'graphd') return []
  return roots.flatMap(root => within(root, instance.role === 'metad' ? '0' : '[1-9]*'))
}

/**
 * What goes where for a snapshot (specs/nebula.md §3.4): in every space that has it, `data` and `wal` of
 * the checkpoint take the place of the live ones, and the checkpoints stay; spaces without it are set
 * aside. The tables of the metad that has them go to every other metad, too. Pure.
 * @throws nebula.topology
 */
export function planSnapshot(
  name: string,
  instances: readonly Instance[],
  existing: FoldersByHost,
): SnapshotPlan {
  const has = (host: string, path: string): boolean => existing[host]?.includes(path) === true
  const storageds = instances.filter(({ role }) => role === 'storaged')
  const trees = storageds.flatMap(instance => storagedTrees(name, instance, existing, has))
  const metads = instances.filter(({ role }) => role === 'metad')
  const holders = metads.filter(({ hostName, dataDirs: [dir = ''] }) =>
    has(hostName, `${metaCheckpointFolder(dir, name)}/data`),
  )
  const [holder, ...more] = holders
  const copies = trees.filter(({ content }) => content.kind === 'copy')
  const faults: BkpError[] = []
  if (copies.length === 0) faults.push(refused(name, 'no storaged has it'))
  if (holder === undefined) faults.push(refused(name, 'no metad has its tables'))
  if (more.length > 0) {
    const addresses = holders.map(({ address }) => addressText(address)).join(', ')
    faults.push(refused(name, `several metads have tables of that name: ${addresses}`))
  }
  throwFaults(faults, `snapshot ${name} cannot be restored`)
  const meta = holder === undefined ? [] : metaTrees(name, holder, metads, has)
  const databases = [...copies, ...meta].flatMap(({ host, content }) =>
    content.kind === 'copy' && content.from.endsWith('/data') ? [{ host, path: content.from }] : [],
  )
  return { trees: [...trees, ...meta], databases, lines: linesOf(name, storageds, trees, holder) }
}

/**
 * What the storageds that SHOW SNAPSHOTS names, those online when it was made, say of those that there are
 * now. Pure.
 */
export function compareStorageds(
  then: readonly string[],
  instances: readonly Instance[],
): readonly string[] {
  const now = instances.filter(({ role }) => role === 'storaged')
  const addresses = now.map(({ address }) => addressText(address))
  if (then.length === 0) return []
  return [
    ...addresses
      .filter(address => !then.includes(address))
      .map(address => `${address} was not there when it was made: nothing comes back to it`),
    ...then
      .filter(address => !addresses.includes(address))
      .map(
        address => `warning: ${address} was there when it was made, and is not in the inventory`,
      ),
  ]
}

function refused(name: string, why: string): BkpError {
  return new BkpError('nebula.topology', `snapshot ${name}: ${why}`, {
    hint: 'nebula.snapshots lists snapshots and what of them is on the hosts',
  })
}

type Has = (host: string, path: string) => boolean

function dataRoots({ role, dataDirs, walDir }: Instance): readonly string[] {
  const dirs = role === 'storaged' && walDir !== undefined ? [...dataDirs, walDir] : dataDirs
  return [...new Set(dirs.map(spacesFolder))]
}

function storagedTrees(
  name: string,
  instance: Instance,
  existing: FoldersByHost,
  has: Has,
): readonly OwnTree[] {
  const { hostName: host, dataDirs, walDir } = instance
  const spaces = dataRoots(instance).flatMap(root =>
    (existing[host] ?? []).flatMap(path => {
      const text = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : ''
      return /^[1-9]\d{0,9}$/.test(text) ? [{ root, path, space: Number(text) }] : []
    }),
  )
  const dataSpaces = new Set(dataDirs.map(spacesFolder))
  const isKept = ({ space }: { readonly space: number }): boolean =>
    dataDirs.some(dir => has(host, `${checkpointFolder(dir, space, name)}/data`))
  return spaces.flatMap(({ root, path, space }): readonly OwnTree[] => {
    const from = `${path}/checkpoints/${name}`
    const isData = dataSpaces.has(root)
    if (isData ? !has(host, `${from}/data`) : !isKept({ space })) {
      return [{ host, target: path, content: { kind: 'folder' } }]
    }
    const keepsWal = walDir === undefined || !isData || spacesFolder(walDir) === root
    return [
      ...(isData ? [copy(host, `${path}/data`, `${from}/data`)] : []),
      // Logs that a part has no checkpoint of are not part of the snapshot (§3.2).
      ...(keepsWal && has(host, `${from}/wal`)
        ? [copy(host, `${path}/wal`, `${from}/wal`)]
        : logsAside(host, `${path}/wal`, has)),
    ]
  })
}

function logsAside(host: string, target: string, has: Has): readonly OwnTree[] {
  return has(host, target) ? [{ host, target, content: { kind: 'folder' } }] : []
}

function copy(host: string, target: string, from: string): OwnTree {
  return { host, target, content: { kind: 'copy', from, linked: immutable } }
}

function metaTrees(
  name: string,
  holder: Instance,
  metads: readonly Instance[],
  has: Has,
): readonly OwnTree[] {
  const source = metaCheckpointFolder(holder.dataDirs[0] ?? '', name)
  return metads.flatMap(({ hostName: host, dataDirs: [dir = ''], address }): readonly OwnTree[] => {
    const target = spaceFolder(dir, 0)
    const put = (part: 'data' | 'wal'): OwnTree =>
      address === holder.address
        ? copy(host, `${target}/${part}`, `${source}/${part}`)
        : {
            host,
            target: `${target}/${part}`,
            content: { kind: 'transfer', fromHost: holder.hostName, from: `${source}/${part}` },
          }
    const wal = has(holder.hostName, `${source}/wal`)
      ? [put('wal')]
      : logsAside(host, `${target}/wal`, has)
    return [put('data'), ...wal]
  })
}

function linesOf(
  name: string,
  storageds: readonly Instance[],
  trees: readonly OwnTree[],
  holder: Instance | undefined,
): readonly string[] {
  const ofHost = (host: string, kind: OwnTree['content']['kind']): number =>
    trees.filter(tree => tree.host === host && tree.content.kind === kind).length
  return [
    `snapshot ${name}, meta tables of ${holder === undefined ? 'nobody' : addressText(holder.address)}`,
    ...[...new Set(storageds.map(({ hostName }) => hostName))].map(
      host =>
        `${host}: ${ofHost(host, 'copy')} folders come back, ${ofHost(host, 'folder')} are set aside`,
    ),
  ]
}
