import type { Io } from '../../../base/io.ts'
import {
  addressText,
  type Generation,
  type MetaReader,
  type ServiceAddress,
  type ServiceHost,
  type SnapshotRow,
  type SpaceDescription,
} from '../contract.ts'

/** A space, and how it is laid out. */
export interface KnownSpace {
  readonly id: number
  readonly name: string
  readonly description: SpaceDescription
}

/** What the metads of a cluster say of it, at one time. */
export interface ClusterState {
  readonly generation: Generation
  readonly version: string | null
  readonly leader: ServiceAddress
  readonly metads: readonly ServiceHost[]
  /** Those that may hold partitions, with their partitions. */
  readonly storageds: readonly ServiceHost[]
  readonly graphds: readonly ServiceHost[]
  readonly spaces: readonly KnownSpace[]
  readonly snapshots: readonly SnapshotRow[]
}

/** Asks the metads for all of it. @throws nebula.* */
export async function readState(reader: MetaReader, io: Io): Promise<ClusterState> {
  const { generation, version } = await reader.version(io)
  const leader = await reader.leader(io)
  const metads = await reader.listHosts('meta', io)
  // ALLOC has the partitions, STORAGE the versions.
  const storageds = withVersions(
    await reader.listHosts('alloc', io),
    await reader.listHosts('storage', io),
  )
  const graphds = await reader.listHosts('graph', io)
  const spaces: KnownSpace[] = []
  for (const { name } of await reader.listSpaces(io)) {
    spaces.push({ ...(await reader.getSpace(name, io)), name })
  }
  const snapshots = await reader.listSnapshots(io)
  return {
    generation,
    version: version ?? null,
    leader,
    metads,
    storageds,
    graphds,
    spaces,
    snapshots,
  }
}

function withVersions(
  rows: readonly ServiceHost[],
  others: readonly ServiceHost[],
): readonly ServiceHost[] {
  const versions = new Map(
    others.map(({ address, version, gitSha }) => [addressText(address), { version, gitSha }]),
  )
  return rows.map(row => {
    const known = versions.get(addressText(row.address))
    const version = row.version ?? known?.version
    return { ...row, ...(version === undefined ? {} : { version }) }
  })
}

/** How many partitions a storaged has, of all spaces. */
export function countParts(parts: Readonly<Record<string, readonly number[]>>): number {
  return Object.values(parts).reduce((sum, each) => sum + each.length, 0)
}

/** What keeps a space from being whole; nothing where it is. */
export function spaceFaults(
  { name, description }: KnownSpace,
  storageds: readonly ServiceHost[],
): readonly string[] {
  const { partitions, replicas } = description
  const copies = new Map<number, number>()
  const led = new Set<number>()
  for (const { parts, leaderParts } of storageds) {
    for (const part of parts[name] ?? []) copies.set(part, (copies.get(part) ?? 0) + 1)
    for (const part of leaderParts[name] ?? []) led.add(part)
  }
  const all = Array.from({ length: partitions }, (_, index) => index + 1)
  const leaderless = all.filter(part => !led.has(part))
  const short = all.filter(part => (copies.get(part) ?? 0) < replicas)
  return [
    ...(leaderless.length === 0
      ? []
      : [`space ${name}: no leader of partition ${listParts(leaderless)} (of ${partitions})`]),
    ...(short.length === 0
      ? []
      : [`space ${name}: fewer than ${replicas} copies of partition ${listParts(short)}`]),
  ]
}

/** `1, 2, 5` and at most eight of them. */
export function listParts(parts: readonly number[]): string {
  const shown = parts.slice(0, 8).join(', ')
  return parts.length > 8 ? `${shown} and ${parts.length - 8} more` : shown
}
