import { posix } from 'node:path'
import { asBkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import {
  addressText,
  type ClusterNode,
  type Directories,
  type MetaReader,
  type ServiceHost,
} from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { versionNumbers } from '../../../databases/nebula/restore/versions.ts'
import {
  type ClusterState,
  countParts,
  spaceFaults,
} from '../../../databases/nebula/topology/state.ts'
import { asFault, type Fault, type Findings, together, toTell } from './fault.ts'

/** The newest that bkp was made for. */
const newest = [3, 8] as const

/**
 * What metads say that stands against a backup. `unread` are hosts whose services are not known: one that
 * is in no configuration file may be theirs. Pure.
 */
export function checkState(
  state: ClusterState,
  instances: readonly Instance[],
  unread: readonly string[] = [],
): Findings {
  const strangers = strangeServices(state, instances)
  return together([
    versionFindings(state),
    storagedFindings(state, instances),
    unread.length === 0
      ? { faults: strangers, warnings: [] }
      : {
          faults: [],
          warnings: strangers.map(({ what }) => `${what}, or on ${unread.join(', ')}`),
        },
    spaceFindings(state),
    snapshotFindings(state),
  ])
}

function versionFindings({
  metads,
  storageds,
  graphds,
  version,
  generation,
}: ClusterState): Findings {
  const online = [...metads, ...storageds].filter(({ status }) => status === 'online')
  const byVersion = groupByVersion(online)
  const faults =
    byVersion.size <= 1
      ? []
      : [
          {
            what: `metads and storageds are of different versions: ${listVersions(byVersion)}`,
            hint: 'finish the upgrade first: their structures differ',
          },
        ]
  const graphVersions = groupByVersion(graphds.filter(({ status }) => status === 'online'))
  const strange = [...graphVersions.keys()].some(each => byVersion.size > 0 && !byVersion.has(each))
  const [major = 0, minor = 0] = versionNumbers(version) ?? []
  const isNewer = major > newest[0] || (major === newest[0] && minor > newest[1])
  return {
    faults,
    warnings: [
      ...(strange ? [`graphds are of another version: ${listVersions(graphVersions)}`] : []),
      ...(isNewer ? [`NebulaGraph ${version} is newer than what bkp was made for (3.8)`] : []),
      ...(generation === '2.0'
        ? [
            'NebulaGraph 2.0 does not back up its __id__ table: new spaces may reuse ids after a restore',
          ]
        : []),
    ],
  }
}

function groupByVersion(rows: readonly ServiceHost[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>()
  for (const { version, address } of rows) {
    if (version === undefined || version === '') continue
    groups.set(version, [...(groups.get(version) ?? []), addressText(address)])
  }
  return groups
}

function listVersions(groups: ReadonlyMap<string, readonly string[]>): string {
  return [...groups].map(([version, names]) => `${version} (${names.join(', ')})`).join('; ')
}

function storagedFindings({ storageds }: ClusterState, instances: readonly Instance[]): Findings {
  const own = new Map(
    instances
      .filter(({ role }) => role === 'storaged')
      .map(({ address, hostName }) => [addressText(address), hostName]),
  )
  const known = new Set(storageds.map(({ address }) => addressText(address)))
  const faults: Fault[] = []
  const warnings: string[] = []
  if (!storageds.some(({ status }) => status === 'online')) {
    faults.push({
      what: 'no storaged is online',
      hint: 'start them; metad says E_NO_HOSTS otherwise',
    })
  }
  for (const { address, status, parts } of storageds) {
    const text = addressText(address)
    const host = own.get(text)
    const about = host === undefined ? {} : { host }
    const count = countParts(parts)
    if (status !== 'online' && count > 0) {
      faults.push({
        ...about,
        what: `storaged ${text} has ${count} partitions and is ${status}`,
        hint: 'start it: createBackup would fail with E_RPC_FAILURE after it has blocked writes',
      })
    } else if (status !== 'online') {
      warnings.push(`storaged ${text} is ${status}; it holds no partition`)
    }
  }
  for (const [address, host] of own) {
    if (known.has(address)) continue
    faults.push({
      host,
      what: `no metad knows of storaged ${address}`,
      hint: 'is --local_ip another, or ADD HOSTS missing (nebula.add_hosts)? SHOW HOSTS has the addresses that count',
    })
  }
  return { faults, warnings }
}

/** Services that hold something of a backup, and that no configuration file names. */
function strangeServices(
  { metads, storageds }: ClusterState,
  instances: readonly Instance[],
): readonly Fault[] {
  const own = new Set(instances.map(({ role, address }) => `${role} ${addressText(address)}`))
  const holders = storageds.filter(({ parts }) => countParts(parts) > 0)
  return [
    ...metads.map(({ address }) => ({ name: `metad ${addressText(address)}`, holds: '' })),
    ...holders.map(({ address, parts }) => ({
      name: `storaged ${addressText(address)}`,
      holds: ` has ${countParts(parts)} partitions and`,
    })),
  ]
    .filter(({ name }) => !own.has(name))
    .map(({ name, holds }) => ({
      what: `${name}${holds} is not in the inventory`,
      hint: 'add its host to that role, or give its address under instances',
    }))
}

function spaceFindings({ spaces, storageds }: ClusterState): Findings {
  if (spaces.length === 0) {
    const hint = 'there is nothing to back up: metad says E_BACKUP_SPACE_NOT_FOUND then'
    return { faults: [{ what: 'the cluster has no space', hint }], warnings: [] }
  }
  const all = spaces.flatMap(space => spaceFaults(space, storageds))
  const isLeaderless = (line: string) => line.includes('no leader')
  return {
    faults: all.filter(isLeaderless).map(what => ({
      what,
      hint: 'see SHOW PARTS; wait for the election, or start its storageds',
    })),
    // What one copy holds is all there is: it can be backed up.
    warnings: all.filter(line => !isLeaderless(line)),
  }
}

function snapshotFindings({ snapshots }: ClusterState): Findings {
  const invalid = snapshots.filter(({ status }) => status === 'invalid').map(({ name }) => name)
  const left = snapshots
    .filter(({ name, status }) => status === 'valid' && name.startsWith('BACKUP_'))
    .map(({ name }) => name)
  return {
    faults: [],
    warnings: [
      ...(invalid.length === 0
        ? []
        : [`INVALID snapshots: ${invalid.join(', ')}; nebula.gc_snapshots`]),
      ...(left.length === 0
        ? []
        : [
            `backups that nobody dropped, or that still run: ${left.join(', ')}; nebula.gc_snapshots`,
          ]),
    ],
  }
}

/** Compares the data paths that services name with those of their configuration files. */
export async function checkDirectories(
  reader: MetaReader,
  instances: readonly Instance[],
  io: Io,
): Promise<Findings> {
  const parts: Findings[] = []
  const nodes = await listNodes(reader, io)
  for (const instance of instances) {
    const { role, address, hostName } = instance
    if (role === 'metad') {
      try {
        const directories = await reader.metaDirectories(address, io)
        if (directories !== undefined) parts.push(compareDirectories(instance, directories))
      } catch (thrown) {
        const fault = asFault(toTell(thrown, io), 'see that the metad runs', hostName)
        parts.push({ faults: [fault], warnings: [] })
      }
    }
    if (role === 'storaged') {
      const node = nodes.find(each => addressText(each.address) === addressText(address))
      if (node?.directories !== undefined)
        parts.push(compareDirectories(instance, node.directories))
    }
  }
  return together(parts)
}

/** A 3.x metad lists nothing while a host has no nebula-agent, which bkp does not need (specs §2.4). */
async function listNodes(reader: MetaReader, io: Io): Promise<readonly ClusterNode[]> {
  try {
    return (await reader.listCluster(io)) ?? []
  } catch (thrown) {
    const { details } = asBkpError(thrown)
    if (details['name'] === 'E_LIST_CLUSTER_NO_AGENT_FAILURE') return []
    throw thrown
  }
}

function compareDirectories(instance: Instance, { root, data }: Directories): Findings {
  const { role, address, hostName, conf, serviceDataDirs } = instance
  const told = data.map(path => posix.resolve(root, path))
  if (told.length === 0 || sameSet(told, serviceDataDirs)) return { faults: [], warnings: [] }
  const what = `${role} ${addressText(address)} runs with the data paths ${told.join(', ')}, and ${conf} says ${serviceDataDirs.join(', ')}`
  // Services resolve symbolic links; as many paths may be the same ones.
  if (told.length === serviceDataDirs.length) {
    return { faults: [], warnings: [`${hostName}: ${what}: links, or a path_map that is missing?`] }
  }
  const hint = 'restart it, or correct conf, data_dirs or path_map of the inventory'
  return { faults: [{ host: hostName, what, hint }], warnings: [] }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const have = new Set(b.map(path => posix.resolve(path)))
  return a.length === b.length && a.every(path => have.has(path))
}
