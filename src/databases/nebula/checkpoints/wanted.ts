import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { addressText, type HostCheckpoints, type ServiceHost } from '../contract.ts'
import type { Instance } from '../instances.ts'
import { checkpointFolder, parseCheckpointPath, spaceFolder } from '../layout.ts'
import { toHostPath } from '../paths.ts'
import type { NebulaSettings } from '../settings.ts'

/** One checkpoint of a storaged that a backup has to have, if its space has data there. */
export interface WantedCheckpoint {
  readonly host: string
  /** `host:port` of the storaged. */
  readonly address: string
  readonly space: number
  /** Which of its data paths, from 0. */
  readonly data: number
  /** Where it must be, as the host sees it. */
  readonly path: string
  /** The live RocksDB of the space in that data path. */
  readonly live: string
}

/** A path that metad named, as the host sees it. */
export interface ReportedPath {
  readonly host: string
  readonly address: string
  readonly space: number
  readonly path: string
}

/** A space that was checkpointed, and what metad named of it: nothing in a snapshot. */
export interface CheckpointedSpace {
  readonly id: number
  readonly name: string
  readonly hosts: readonly HostCheckpoints[]
}

/** What is to be looked for. */
export interface Wanted {
  readonly checkpoints: readonly WantedCheckpoint[]
  readonly reported: readonly ReportedPath[]
}

/**
 * Every data path of every storaged that has partitions of a space, whether metad named it or not: 2.0
 * names only the last (specs/nebula.md §2.0). Pure.
 * @throws nebula.topology for storageds that are no instances, nebula.protocol for paths that are none
 */
export function wantedCheckpoints(
  made: { readonly name: string; readonly spaces: readonly CheckpointedSpace[] },
  allocated: readonly ServiceHost[],
  instances: readonly Instance[],
  settings: NebulaSettings,
): Wanted {
  const byAddress = new Map(
    instances
      .filter(({ role }) => role === 'storaged')
      .map(instance => [addressText(instance.address), instance] as const),
  )
  const checkpoints: WantedCheckpoint[] = []
  const reported: ReportedPath[] = []
  for (const space of made.spaces) {
    const { name } = space
    const owners = allocated
      .filter(({ parts }) => (parts[name] ?? []).length > 0)
      .map(({ address }) => addressText(address))
    const named = space.hosts.map(({ host }) => addressText(host))
    for (const address of new Set([...owners, ...named])) {
      const instance = byAddress.get(address)
      if (instance === undefined) throw unknownStoraged(address, name)
      for (const [data, folder] of instance.dataDirs.entries()) {
        checkpoints.push({
          host: instance.hostName,
          address,
          space: space.id,
          data,
          path: checkpointFolder(folder, space.id, made.name),
          live: `${spaceFolder(folder, space.id)}/data`,
        })
      }
      const own = space.hosts.filter(({ host }) => addressText(host) === address)
      for (const { path } of own.flatMap(each => each.checkpoints)) {
        const parsed = parseCheckpointPath(path)
        if (parsed?.name !== made.name || parsed.space !== space.id) {
          throw oddPath(address, name, path)
        }
        const onHost = hostPath(settings, instance, path)
        reported.push({ host: instance.hostName, address, space: space.id, path: onHost })
      }
    }
  }
  return { checkpoints, reported }
}

/** 2.0 names paths relative to the folder that the service was started in (§2.0). */
function hostPath(settings: NebulaSettings, instance: Instance, path: string): string {
  return posix.normalize(
    path.startsWith('/')
      ? toHostPath(settings, instance.hostName, path)
      : posix.join(instance.installDir, path),
  )
}

/** What to say of a storaged of the cluster that the inventory does not have. */
export function unknownStoraged(address: string, space: string): BkpError {
  return new BkpError(
    'nebula.topology',
    `storaged ${address} has partitions of space ${space} and is none of the inventory's`,
    {
      hint: 'add its host to the role storaged, or give its address under instances.storaged',
      details: { address, space },
    },
  )
}

function oddPath(address: string, space: string, path: string): BkpError {
  return new BkpError(
    'nebula.protocol',
    `storaged ${address} has its checkpoint of space ${space} at ${JSON.stringify(path)}, which is not where checkpoints lie`,
    {
      hint: 'only the layout of the open-source NebulaGraph is known: Enterprise has another',
      details: { address, path },
    },
  )
}
