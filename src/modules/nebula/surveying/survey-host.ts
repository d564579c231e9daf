import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { type SelectedPath, selectPaths } from '../../../connection/probes.ts'
import { addressText } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { spacesFolder } from '../../../databases/nebula/layout.ts'
import { readInstances } from '../../../databases/nebula/read-instances.ts'
import { stateOf } from '../../../databases/nebula/service/daemons.ts'
import { toTell } from '../checking/fault.ts'
import { observe } from '../serving/observe.ts'
import type { NebulaCluster } from '../shared/cluster.ts'

/** What one data path, or `--wal_path`, has of one space. */
export interface SpaceOnDisk {
  readonly role: 'metad' | 'storaged'
  /** `host:port` of the service. */
  readonly address: string
  readonly folder: string
  readonly kind: 'data' | 'wal'
  /** 0 of metads. */
  readonly space: number
  /** RocksDB's CURRENT is there: there is a database to open. */
  readonly hasDatabase: boolean
  /** Those with a folder of logs. */
  readonly partitions: readonly number[]
}

/** A service and what was seen of it. */
export interface ServiceOnHost {
  readonly role: Instance['role']
  readonly address: string
  /** As `nebula.service` tells it: running, starting, stopped, closing, unseen. */
  readonly state: string
}

/** What is left of one host. */
export interface HostSurvey {
  readonly host: string
  readonly answers: boolean
  /** Why nothing, or not all, is known of it. */
  readonly reason?: string
  readonly services: readonly ServiceOnHost[]
  readonly spaces: readonly SpaceOnDisk[]
}

/** Looks at all hosts of a cluster; one that does not answer is told of, too. */
export async function surveyHosts(
  hosts: readonly ReadOnlyHost[],
  cluster: NebulaCluster,
  io: Io,
): Promise<readonly HostSurvey[]> {
  return await Promise.all(
    cluster.hosts.map(async (name): Promise<HostSurvey> => {
      const host = hosts.find(each => each.name === name)
      if (host === undefined) return silent(name, 'it does not take part')
      let instances: readonly Instance[]
      try {
        instances = await readInstances([host], cluster, io)
      } catch (thrown) {
        const error = toTell(thrown, io)
        return { ...silent(name, error.message), answers: error.exit !== 4 }
      }
      try {
        return await surveyHost(host, instances, cluster, io)
      } catch (thrown) {
        return silent(name, toTell(thrown, io).message)
      }
    }),
  )
}

function silent(host: string, reason: string): HostSurvey {
  return { host, answers: false, reason, services: [], spaces: [] }
}

async function surveyHost(
  host: ReadOnlyHost,
  instances: readonly Instance[],
  { settings }: NebulaCluster,
  io: Io,
): Promise<HostSurvey> {
  const observed = await observe([host], instances, settings, io)
  const places = instances.flatMap(placesOf)
  const patterns = places.flatMap(({ folder }) => {
    const spaces = globWord(spacesFolder(folder))
    return [`${spaces}/[0-9]*/data/CURRENT`, `${spaces}/[0-9]*/wal/[0-9]*`]
  })
  const { found } = await host.ask({ found: selectPaths(patterns) }, io)
  return {
    host: host.name,
    answers: true,
    services: observed.map(each => ({
      role: each.instance.role,
      address: addressText(each.instance.address),
      state: stateOf(each),
    })),
    spaces: places.flatMap((place, index) =>
      spacesIn(
        place,
        found.filter(({ pattern }) => Math.floor(pattern / 2) === index),
      ),
    ),
  }
}

type Place = Pick<SpaceOnDisk, 'role' | 'address' | 'folder' | 'kind'>

function placesOf({ role, address, dataDirs, walDir }: Instance): readonly Place[] {
  if (role === 'graphd') return []
  const of = { role, address: addressText(address) } as const
  const data = dataDirs.map(folder => ({ ...of, folder, kind: 'data' as const }))
  return walDir === undefined || dataDirs.includes(walDir)
    ? data
    : [...data, { ...of, folder: walDir, kind: 'wal' }]
}

function spacesIn(place: Place, found: readonly SelectedPath[]): readonly SpaceOnDisk[] {
  const databases = new Set<number>()
  const partitions = new Map<number, number[]>()
  for (const { path, kind } of found) {
    const [, id = '', part] = /\/(\d{1,10})\/(?:data\/CURRENT|wal\/(\d{1,10}))$/.exec(path) ?? []
    if (id === '') continue
    const space = Number(id)
    // Space 0 is the metad's; a storaged may keep something of its own there (specs/nebula.md §3.2).
    if ((space === 0) !== (place.role === 'metad')) continue
    if (part === undefined) {
      if (kind === 'file') databases.add(space)
    } else if (kind === 'directory') {
      partitions.set(space, [...(partitions.get(space) ?? []), Number(part)])
    }
  }
  return [...new Set([...databases, ...partitions.keys()])]
    .toSorted((a, b) => a - b)
    .map(space => ({
      ...place,
      space,
      hasDatabase: databases.has(space),
      partitions: (partitions.get(space) ?? []).toSorted((a, b) => a - b),
    }))
}

/** A path within a glob means itself. */
function globWord(path: string): string {
  return path.replaceAll(/[*?[\]\\]/g, '?')
}
