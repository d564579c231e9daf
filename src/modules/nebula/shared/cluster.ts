import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import type { MetaClient, MetaReader } from '../../../databases/nebula/contract.ts'
import type { Instance, NebulaRole } from '../../../databases/nebula/instances.ts'
import { readInstances } from '../../../databases/nebula/read-instances.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'
import type { Cluster, Site, WritableSite } from '../../contract.ts'

/** A NebulaGraph cluster of the inventory. */
export interface NebulaCluster {
  readonly name: string
  /** Role names and the hosts each resolves to, in inventory order. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** All hosts of all roles, in inventory order. */
  readonly hosts: readonly string[]
  readonly settings: NebulaSettings
}

/** What knows clusters: either kind of site. */
interface Clusters {
  cluster(name: string): Cluster
}

/** A cluster of kind nebula, with metad and storaged. @throws schema.invalid */
export function nebulaCluster(site: Clusters, name: string): NebulaCluster {
  const { kind, roles, hosts, settings } = site.cluster(name)
  if (kind !== 'nebula') {
    throw new BkpError('schema.invalid', `cluster "${name}" is of kind ${kind}, not nebula`, {
      hint: 'name a cluster of kind: nebula',
    })
  }
  for (const role of ['metad', 'storaged']) {
    if ((roles[role] ?? []).length > 0) continue
    throw new BkpError('schema.invalid', `cluster "${name}" has no host of the role ${role}`, {
      hint: 'write hosts: { metad: ..., storaged: ..., graphd: ... }',
    })
  }
  // The loader checked them against the schema of the kind.
  return { name, roles, hosts, settings: settings as NebulaSettings }
}

/** What the metads of a cluster say; close it when done. @throws schema.invalid */
export async function metaReader(site: Site, name: string): Promise<MetaReader> {
  nebulaCluster(site, name)
  return (await site.client(name)) as MetaReader
}

/** The same, and calls that write. @throws schema.invalid */
export async function metaClient(site: WritableSite, name: string): Promise<MetaClient> {
  nebulaCluster(site, name)
  return (await site.client(name)) as MetaClient
}

/** A site's hosts and clusters: all that instances are read from. */
interface HostsAndClusters extends Clusters {
  readonly hosts: readonly ReadOnlyHost[]
}

/**
 * The services of a cluster on its hosts that take part, or those of one role.
 * @throws schema.invalid, file.unreadable, inventory.invalid, ssh.*
 */
export async function instancesOf(
  site: HostsAndClusters,
  name: string,
  io: Io,
  role?: NebulaRole,
): Promise<readonly Instance[]> {
  const { roles, settings } = nebulaCluster(site, name)
  const wanted = role === undefined ? roles : { [role]: roles[role] ?? [] }
  return await readInstances(site.hosts, { roles: wanted, settings }, io)
}
