import { byCode } from '../../../base/text.ts'
import {
  addressText,
  type ServiceHost,
  type SpaceDescription,
} from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import type { ClusterState } from '../../../databases/nebula/topology/state.ts'

/** One metad or graphd, as `nebula.facts` tells of it. */
export interface ServiceFacts {
  readonly address: string
  readonly host: string | null
  readonly status: string
  readonly version: string | null
  readonly data_dirs: string[]
}

/** One storaged, as `nebula.facts` tells of it. */
export interface StoragedFacts extends ServiceFacts {
  readonly wal_dir: string | null
  readonly partitions: Record<string, number[]>
  readonly leaders: Record<string, number[]>
}

/** What metads say and what the inventory says, put together by address. */
export function describeServices(
  rows: readonly ServiceHost[],
  instances: readonly Instance[],
): readonly StoragedFacts[] {
  const byAddress = new Map(rows.map(row => [addressText(row.address), row]))
  const own = new Map(instances.map(instance => [addressText(instance.address), instance]))
  return [...new Set([...own.keys(), ...byAddress.keys()])].map(address => {
    const row = byAddress.get(address)
    const instance = own.get(address)
    return {
      address,
      host: instance?.hostName ?? null,
      // The inventory has it, and no metad knows of it.
      status: row?.status ?? 'absent',
      version: row?.version ?? null,
      data_dirs: [...(instance?.dataDirs ?? [])],
      wal_dir: instance?.walDir ?? null,
      partitions: copyParts(row?.parts ?? {}),
      leaders: copyParts(row?.leaderParts ?? {}),
    }
  })
}

/** The result of `nebula.facts`. */
export function describeCluster(state: ClusterState, instances: readonly Instance[]) {
  const ofRole = (role: Instance['role']) => instances.filter(instance => instance.role === role)
  return {
    generation: state.generation,
    version: state.version,
    leader: addressText(state.leader),
    metads: describeServices(state.metads, ofRole('metad')).map(plain),
    storageds: [...describeServices(state.storageds, ofRole('storaged'))],
    graphds: describeServices(state.graphds, ofRole('graphd')).map(plain),
    spaces: state.spaces.map(({ id, name, description }) => ({
      id,
      name,
      partitions: description.partitions,
      replicas: description.replicas,
      vid: vidText(description.vidType),
    })),
    snapshots: state.snapshots.map(({ name, status, hosts }) => ({
      name,
      status,
      hosts: [...hosts],
    })),
  }
}

function plain({ address, host, status, version, data_dirs }: StoragedFacts): ServiceFacts {
  return { address, host, status, version, data_dirs }
}

function copyParts(parts: Readonly<Record<string, readonly number[]>>): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(parts)
      .sort(([a], [b]) => byCode(a, b))
      .map(([space, each]) => [space, each.toSorted((a, b) => a - b)]),
  )
}

/** As CREATE SPACE takes it; PropertyType of the Thrift files (specs/nebula.md §1.5). */
function vidText({ type, typeLength }: SpaceDescription['vidType']): string {
  if (type === 2) return 'INT64'
  return type === 7 ? `FIXED_STRING(${typeLength ?? 0})` : `type ${type}`
}
