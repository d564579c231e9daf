import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { selectPaths } from '../../../connection/probes.ts'
import type { Space } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import {
  type FoldersByHost,
  metaFolder,
  storagedRoots,
} from '../../../databases/nebula/restore/set-aside.ts'
import { generationOf, type NebulaVersion } from '../../../databases/nebula/restore/versions.ts'
import type { Site } from '../../contract.ts'
import { metaReader, nebulaCluster } from '../shared/cluster.ts'

/** What a cluster says of itself, as far as it can. */
export interface LiveCluster extends NebulaVersion {
  /** Undefined where no metad answers. */
  readonly spaces?: readonly Space[]
}

/** What it is where there is nobody to ask. */
const silent: ReadonlySet<string> = new Set([
  'nebula.unreachable',
  'nebula.no_leader',
  'nebula.not_ready',
])

/**
 * Asks the metads; where none answers the inventory has to know the version, so that a cluster that is
 * dead can be restored, too. @throws nebula.version, nebula.protocol, ssh.*
 */
export async function askCluster(site: Site, name: string, io: Io): Promise<LiveCluster> {
  const { settings } = nebulaCluster(site, name)
  const reader = await metaReader(site, name)
  try {
    const { generation, version } = await reader.version(io)
    const spaces = await reader.listSpaces(io)
    return { generation, version: version ?? settings.version ?? null, spaces }
  } catch (thrown) {
    const error = asBkpError(thrown)
    if (!silent.has(error.code)) throw thrown
    return versionOfInventory(name, settings.version, error)
  } finally {
    await reader.close()
  }
}

function versionOfInventory(
  name: string,
  version: string | undefined,
  cause: BkpError,
): NebulaVersion {
  const generation = version === undefined ? undefined : generationOf(version)
  if (version !== undefined && generation !== undefined) return { generation, version }
  const why = version === undefined ? 'and the inventory names no version' : `"${version}" is none`
  throw new BkpError('nebula.version', `cluster ${name} does not say its version, ${why}`, {
    hint: 'set version: under the cluster in the inventory, such as "3.8.0"',
    cause,
  })
}

/** Folders of spaces and of metads that lie on the hosts: what would have to be set aside. */
export async function findFolders(
  hosts: readonly ReadOnlyHost[],
  instances: readonly Instance[],
  io: Io,
): Promise<FoldersByHost> {
  const found = await Promise.all(
    hosts.map(async host => {
      const own = instances.filter(({ hostName }) => hostName === host.name)
      const patterns = own.flatMap(instance => patternsOf(instance, instances))
      if (patterns.length === 0) return []
      const { paths } = await host.ask({ paths: selectPaths([...new Set(patterns)]) }, io)
      const folders = paths.filter(({ kind }) => kind === 'directory').map(({ path }) => path)
      return [[host.name, folders] as const]
    }),
  )
  return Object.fromEntries(found.flat())
}

function patternsOf(instance: Instance, all: readonly Instance[]): readonly string[] {
  if (instance.role === 'storaged') {
    return storagedRoots(instance).map(root => `${literal(root)}/[1-9]*`)
  }
  const folder = instance.role === 'metad' ? metaFolder(instance, all) : undefined
  return folder === undefined ? [] : [literal(folder)]
}

/** A glob that matches a path and nothing else. */
function literal(path: string): string {
  return path.replace(/[[*?]/g, '[$&]')
}
