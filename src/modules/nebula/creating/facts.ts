import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { didYouMean } from '../../../base/text.ts'
import { surveyCheckpoints } from '../../../databases/nebula/checkpoints/survey.ts'
import { unknownStoraged } from '../../../databases/nebula/checkpoints/wanted.ts'
import {
  addressText,
  type Generation,
  type MetaReader,
  type ServiceHost,
  type Space,
} from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import type { Site } from '../../contract.ts'
import { instancesOf, nebulaCluster } from '../shared/cluster.ts'

/** What is known before a backup is made; JSON, since it is journaled. */
export interface BackupFacts {
  readonly generation: Generation
  readonly version: string | null
  /** The spaces that are asked for, or all there are. */
  readonly spaces: readonly Space[]
  readonly all: boolean
  /** `host:port` of storageds that have partitions of them. */
  readonly owners: readonly string[]
  /** Names of snapshots and backups that metad lists or hosts have: none of them is the new one. */
  readonly existing: readonly string[]
}

/**
 * Looks whether a backup can be made, before anything is blocked.
 * @throws nebula.space_not_found, nebula.not_ready where an owner of partitions is offline,
 * nebula.topology where one is not in the inventory
 */
export async function lookBeforeBackup(
  site: Site,
  reader: MetaReader,
  args: { readonly cluster: string; readonly spaces?: readonly string[] },
  io: Io,
): Promise<BackupFacts> {
  const cluster = nebulaCluster(site, args.cluster)
  const { generation, version } = await reader.version(io)
  const all = await reader.listSpaces(io)
  const wanted = args.spaces ?? []
  const spaces = wanted.length === 0 ? all : wanted.map(name => findSpace(name, all))
  if (spaces.length === 0) {
    throw new BkpError('nebula.space_not_found', 'there is no space that could be backed up', {
      hint: 'NebulaGraph backs up spaces only: create one',
    })
  }
  const owners = ownersOf(await reader.listHosts('alloc', io), spaces)
  requireOnline(owners)
  requireKnown(owners, await instancesOf(site, args.cluster, io, 'storaged'))
  const rows = await reader.listSnapshots(io)
  const { found } = await surveyCheckpoints(site.hosts, cluster, io)
  return {
    generation,
    version: version ?? null,
    spaces: spaces.map(({ id, name }) => ({ id, name })),
    all: wanted.length === 0,
    owners: owners.map(({ address }) => addressText(address)),
    existing: [...new Set([...rows, ...found].map(({ name }) => name))].sort(),
  }
}

function findSpace(name: string, all: readonly Space[]): Space {
  const found = all.find(space => space.name === name)
  if (found !== undefined) return found
  const names = all.map(space => space.name)
  throw new BkpError('nebula.space_not_found', `there is no space "${name}"`, {
    hint: [didYouMean(name, names), `spaces: ${names.join(', ') || 'none'}`]
      .filter(Boolean)
      .join('; '),
    details: { space: name, spaces: names },
  })
}

/** Storageds that have partitions of one of these spaces. */
function ownersOf(
  allocated: readonly ServiceHost[],
  spaces: readonly Space[],
): readonly ServiceHost[] {
  return allocated.filter(({ parts }) => spaces.some(({ name }) => (parts[name] ?? []).length > 0))
}

/** metad finds out only after it has blocked writes (specs/nebula.md §2.0, 4). */
function requireOnline(owners: readonly ServiceHost[]): void {
  const away = owners.filter(({ status }) => status !== 'online')
  if (away.length === 0) return
  const names = away.map(({ address, status }) => `${addressText(address)} (${status})`)
  throw new BkpError(
    'nebula.not_ready',
    `storageds with partitions of these spaces are not online: ${names.join(', ')}`,
    {
      hint: 'start them, or move their partitions away with BALANCE DATA; nothing was blocked',
      details: { offline: away.map(({ address }) => addressText(address)) },
    },
  )
}

function requireKnown(owners: readonly ServiceHost[], instances: readonly Instance[]): void {
  const known = new Set(instances.map(({ address }) => addressText(address)))
  for (const { address, parts } of owners) {
    if (known.has(addressText(address))) continue
    throw unknownStoraged(addressText(address), Object.keys(parts).join(', '))
  }
}
