import { BkpError } from '../../../base/errors.ts'
import type {
  ClusterNode,
  Directories,
  Generation,
  ServiceHost,
  ServiceRole,
  SnapshotRow,
  Space,
} from '../contract.ts'
import type {
  DirInfo,
  HostItem,
  IdName,
  ListClusterInfoResp21,
  ListClusterInfoResp30,
  Snapshot,
} from '../generations/common.ts'
import { readAddress } from '../generations/read-address.ts'
import { isMajor2 } from '../generations/versions.ts'
import type { ValueOf } from '../thrift/types.ts'

// What responses mean, whatever the generation (specs/nebula.md §1.5).

const roles: readonly ServiceRole[] = ['graph', 'meta', 'storage', 'listener']

/** HostRole: 4 was UNKNOWN until AGENT took its number in 3.0. */
function readRole(role: number | undefined, generation: Generation): ServiceRole {
  const isOld = isMajor2(generation)
  return roles[role ?? -1] ?? (role === 4 && !isOld ? 'agent' : 'unknown')
}

const statuses = ['online', 'offline', 'unknown'] as const

export function readHost(item: ValueOf<typeof HostItem>, generation: Generation): ServiceHost {
  const { version = '', zoneName } = item
  return {
    address: readAddress(item.hostAddr),
    status: statuses[item.status ?? 2] ?? 'unknown',
    role: readRole(item.role, generation),
    gitSha: item.gitInfoSha ?? '',
    leaderParts: Object.fromEntries(item.leaderParts ?? []),
    parts: Object.fromEntries(item.allParts ?? []),
    ...(version === '' ? {} : { version }),
    ...(zoneName === undefined ? {} : { zone: zoneName }),
  }
}

/** @throws nebula.protocol for an id that no space has */
export function readSpaceId(id: number | undefined): number {
  if (id !== undefined && id > 0) return id
  throw new BkpError('nebula.protocol', `no space can have the id ${id ?? '(none)'}`)
}

export function readSpace({ id, name = '' }: ValueOf<typeof IdName>): Space {
  return { id: readSpaceId(id?.spaceId), name }
}

export function readSnapshot(row: ValueOf<typeof Snapshot>): SnapshotRow {
  const { name = '', status, hosts = '' } = row
  return {
    name,
    status: status === 0 ? 'valid' : 'invalid',
    hosts: hosts.split(/, */).filter(host => host !== ''),
  }
}

export function readDirectories({ root = '', data = [] }: ValueOf<typeof DirInfo>): Directories {
  return { root, data }
}

/** 2.1 to 2.6: where metads have their data is not told. */
export function readCluster21(
  response: ValueOf<typeof ListClusterInfoResp21>,
): readonly ClusterNode[] {
  const metads = (response.metaServers ?? []).map(
    (host): ClusterNode => ({ address: readAddress(host), role: 'meta' }),
  )
  const storageds = (response.storageServers ?? []).map(
    ({ host, dir }): ClusterNode => ({
      address: readAddress(host),
      role: 'storage',
      ...(dir === undefined ? {} : { directories: readDirectories(dir) }),
    }),
  )
  return [...metads, ...storageds]
}

/** Since 3.0; agents are among them. */
export function readCluster30(
  response: ValueOf<typeof ListClusterInfoResp30>,
  generation: Generation,
): readonly ClusterNode[] {
  return [...(response.hostServices?.values() ?? [])].flat().map(({ addr, role, dir }) => ({
    address: readAddress(addr),
    role: readRole(role, generation),
    ...(dir === undefined || (dir.root ?? '') === '' ? {} : { directories: readDirectories(dir) }),
  }))
}
