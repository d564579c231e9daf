import type { NebulaBackupMetadata } from '../../../databases/nebula/backup-metadata.ts'
import type { ClusterState } from '../../../databases/nebula/topology/state.ts'
import type { HostSurvey, SpaceOnDisk } from './survey-host.ts'

/** A space, and how many copies its partitions should have. */
export interface ExpectedSpace {
  readonly id: number
  readonly name: string
  readonly partitions: number
  readonly replicas: number
}

/** What is left of one partition on disks that can be read. */
export interface PartitionCopies {
  readonly space: number
  /** Null of a space that neither metads nor a backup know. */
  readonly name: string | null
  readonly partition: number
  /** How many copies it should have; null where nobody knows. */
  readonly replicas: number | null
  /** `host:port` of the storageds that have one. */
  readonly copies: readonly string[]
  /** More than half of them are left: it can elect a leader. Null where nobody knows. */
  readonly quorum: boolean | null
}

/** How many of the metads have their data. */
export interface MetadCopies {
  readonly expected: number
  readonly copies: readonly string[]
  readonly quorum: boolean
}

/** The spaces as the metads know them, or as the newest backup does. */
export function expectedSpaces(
  state: Pick<ClusterState, 'spaces'> | undefined,
  backup: Pick<NebulaBackupMetadata, 'spaces'> | undefined,
): readonly ExpectedSpace[] {
  if (state !== undefined) {
    return state.spaces.map(({ id, name, description: { partitions, replicas } }) => ({
      id,
      name,
      partitions,
      replicas,
    }))
  }
  return (
    backup?.spaces.map(({ id, name, partitions, replicas }) => ({
      id,
      name,
      partitions,
      replicas,
    })) ?? []
  )
}

/** Every partition that should be there or is, and its copies. Pure. */
export function countCopies(
  hosts: readonly HostSurvey[],
  expected: readonly ExpectedSpace[],
): readonly PartitionCopies[] {
  const disk = hosts.flatMap(({ spaces }) => spaces).filter(({ role }) => role === 'storaged')
  const holders = new Map<string, Set<string>>()
  for (const { space, address, partitions, kind, hasDatabase } of disk) {
    // Logs without a database to apply them to are no copy; with --wal_path it lies elsewhere.
    if (kind === 'wal' ? !hasAnyDatabase(disk, address, space) : !hasDatabase) continue
    for (const part of partitions) {
      const key = `${space}/${part}`
      holders.set(key, (holders.get(key) ?? new Set()).add(address))
    }
  }
  const known = new Map(expected.map(space => [space.id, space]))
  const keys = new Set([
    ...expected.flatMap(({ id, partitions }) =>
      Array.from({ length: partitions }, (_, index) => `${id}/${index + 1}`),
    ),
    ...holders.keys(),
  ])
  return [...keys]
    .map(key => {
      const [space = 0, partition = 0] = key.split('/').map(Number)
      const is = known.get(space)
      const copies = [...(holders.get(key) ?? [])]
      return {
        space,
        name: is?.name ?? null,
        partition,
        replicas: is?.replicas ?? null,
        copies,
        quorum: is === undefined ? null : copies.length * 2 > is.replicas,
      }
    })
    .toSorted((a, b) => a.space - b.space || a.partition - b.partition)
}

function hasAnyDatabase(disk: readonly SpaceOnDisk[], address: string, space: number): boolean {
  return disk.some(each => each.address === address && each.space === space && each.hasDatabase)
}

/** Metads whose data are there. `expected`: how many the cluster has. */
export function countMetads(hosts: readonly HostSurvey[], expected: number): MetadCopies {
  const copies = hosts
    .flatMap(({ spaces }) => spaces)
    .filter(({ role, hasDatabase }) => role === 'metad' && hasDatabase)
    .map(({ address }) => address)
  const distinct = [...new Set(copies)]
  return { expected, copies: distinct, quorum: distinct.length * 2 > expected }
}
