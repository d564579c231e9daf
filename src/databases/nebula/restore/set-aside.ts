import type { Instance } from '../instances.ts'
import { spaceFolder, spacesFolder } from '../layout.ts'
import type { PlacedTree } from './place-trees.ts'

/** Folders by host of the inventory. */
export type FoldersByHost = Readonly<Record<string, readonly string[]>>

/** What there is to set aside. */
export interface AsideRequest {
  readonly instances: readonly Instance[]
  readonly trees: readonly PlacedTree[]
  /** What lies on the hosts: folders of spaces of storageds, and the metads' own. */
  readonly existing: FoldersByHost
  /** Undefined: whatever is not in the backup goes, and the metads begin anew. */
  readonly spaces?: ReadonlySet<number>
}

/**
 * Folders that must be empty before the cluster starts: those of the metads, and of every space that
 * gets nothing from the backup on that data path, because it is not in it or had no partition there.
 * Left where they are, they would be opened again (specs/nebula.md §2.2, §3.4). Pure.
 */
export function foldersToSetAside(request: AsideRequest): FoldersByHost {
  const { instances, trees, existing, spaces } = request
  const taken = new Set(trees.map(({ host, target }) => `${host}:${target}`))
  const folders = instances.flatMap(instance => {
    const { hostName } = instance
    const there = existing[hostName] ?? []
    if (instance.role === 'graphd') return []
    if (instance.role === 'metad') {
      if (spaces !== undefined) return []
      const folder = metaFolder(instance, instances)
      return folder !== undefined && there.includes(folder) ? [{ hostName, folder }] : []
    }
    return spaceFoldersOf(instance, there)
      .filter(({ space }) => spaces === undefined || spaces.has(space))
      .filter(
        ({ folder }) =>
          !(taken.has(`${hostName}:${folder}`) || taken.has(`${hostName}:${folder}/wal`)),
      )
      .map(({ folder }) => ({ hostName, folder }))
  })
  const byHost: Record<string, string[]> = {}
  for (const { hostName, folder } of folders) {
    byHost[hostName] = [...new Set([...(byHost[hostName] ?? []), folder])]
  }
  return byHost
}

/**
 * Where a metad has its tables: all of `nebula` below its data path, or only space 0 where a storaged
 * of the same host shares the data path.
 */
export function metaFolder(
  { dataDirs: [dataDir], hostName }: Instance,
  instances: readonly Instance[],
): string | undefined {
  if (dataDir === undefined) return undefined
  const isShared = instances.some(
    other =>
      other.role === 'storaged' &&
      other.hostName === hostName &&
      other.dataDirs.some(path => spacesFolder(path) === spacesFolder(dataDir)),
  )
  return isShared ? spaceFolder(dataDir, 0) : spacesFolder(dataDir)
}

/** Folders whose entries are spaces of a storaged. */
export function storagedRoots({ dataDirs, walDir }: Instance): readonly string[] {
  const paths = walDir === undefined ? dataDirs : [...dataDirs, walDir]
  return [...new Set(paths.map(spacesFolder))]
}

function spaceFoldersOf(
  instance: Instance,
  existing: readonly string[],
): readonly { readonly folder: string; readonly space: number }[] {
  return storagedRoots(instance).flatMap(root =>
    existing.flatMap(folder => {
      const name = folder.startsWith(`${root}/`) ? folder.slice(root.length + 1) : ''
      // Space 0 of a storaged holds its own tasks (§3.2).
      return /^[1-9]\d{0,9}$/.test(name) ? [{ folder, space: Number(name) }] : []
    }),
  )
}

/** `cluster.id` of every storaged: with new metads it is that of another cluster (§6). */
export function clusterIdFiles(instances: readonly Instance[]): FoldersByHost {
  const byHost: Record<string, string[]> = {}
  for (const { role, hostName, installDir } of instances) {
    const file = `${installDir.replace(/\/+$/, '')}/cluster.id`
    if (role !== 'storaged' || byHost[hostName]?.includes(file) === true) continue
    byHost[hostName] = [...(byHost[hostName] ?? []), file]
  }
  return byHost
}
