import type { NebulaBackupMetadata } from '../backup-metadata.ts'
import { addressText } from '../contract.ts'
import type { Instance } from '../instances.ts'
import type { ClusterState } from './state.ts'

/** A service as both a backup and a cluster have it. */
interface Placed {
  readonly host: string
  readonly folders: readonly string[]
}

/**
 * What is not as it was at a backup: hosts, data paths, partitions, spaces, versions. A line each, for
 * people; none where nothing changed.
 */
export function topologyChanges(
  backup: NebulaBackupMetadata,
  instances: readonly Instance[],
  state: Pick<ClusterState, 'spaces' | 'version'>,
): readonly string[] {
  const storageds = new Map(
    backup.storageds.map(({ address, host, data_dirs, wal_dir }) => [
      address,
      { host, folders: [...data_dirs, ...(wal_dir === null ? [] : [wal_dir])] },
    ]),
  )
  const metads = new Map(
    backup.metads.map(({ address, host, data_dir }) => [address, { host, folders: [data_dir] }]),
  )
  return [
    ...changedServices('metad', metads, placedOf(instances, 'metad')),
    ...changedServices('storaged', storageds, placedOf(instances, 'storaged')),
    ...changedSpaces(backup, state),
    ...(backup.version === state.version || backup.version === null || state.version === null
      ? []
      : [`version: it was ${backup.version}, and is ${state.version}`]),
  ]
}

function placedOf(
  instances: readonly Instance[],
  role: Instance['role'],
): ReadonlyMap<string, Placed> {
  return new Map(
    instances
      .filter(instance => instance.role === role)
      .map(({ address, hostName, dataDirs, walDir }) => [
        addressText(address),
        { host: hostName, folders: [...dataDirs, ...(walDir === undefined ? [] : [walDir])] },
      ]),
  )
}

function changedServices(
  role: string,
  before: ReadonlyMap<string, Placed>,
  now: ReadonlyMap<string, Placed>,
): readonly string[] {
  const lines = [...before].flatMap(([address, was]) => {
    const is = now.get(address)
    if (is === undefined) return [`${role} ${address} of ${was.host} is gone`]
    const moved = was.host === is.host ? [] : [`was on ${was.host}, and is on ${is.host}`]
    const [old, fresh] = [was.folders.join(', '), is.folders.join(', ')]
    const paths = old === fresh ? [] : [`had its data in ${old}, and has it in ${fresh}`]
    return [...moved, ...paths].map(what => `${role} ${address} ${what}`)
  })
  const added = [...now].filter(([address]) => !before.has(address))
  return [...lines, ...added.map(([address, { host }]) => `${role} ${address} of ${host} is new`)]
}

function changedSpaces(
  backup: NebulaBackupMetadata,
  { spaces }: Pick<ClusterState, 'spaces'>,
): readonly string[] {
  const now = new Map(spaces.map(space => [space.name, space]))
  const before = new Map(backup.spaces.map(space => [space.name, space]))
  const lines = [...before.values()].flatMap(({ id, name, partitions, replicas }) => {
    const is = now.get(name)
    if (is === undefined) return [`space ${name} was dropped`]
    const { description } = is
    return [
      ...(is.id === id ? [] : [`space ${name} was made anew: its id was ${id}, and is ${is.id}`]),
      ...(description.partitions === partitions
        ? []
        : [`space ${name} had ${partitions} partitions, and has ${description.partitions}`]),
      ...(description.replicas === replicas
        ? []
        : [`space ${name} had ${replicas} copies of each, and has ${description.replicas}`]),
    ]
  })
  // A backup of some spaces says nothing of the others.
  const added = backup.all_spaces ? [...now.keys()].filter(name => !before.has(name)) : []
  return [...lines, ...added.map(name => `space ${name} is new`)]
}
