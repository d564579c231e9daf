import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { addressText } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import type { KnownCluster, KnownService } from '../../../databases/nebula/official/metadata.ts'
import type { Cluster } from '../../contract.ts'
import { instancesOf } from '../shared/cluster.ts'

/** What the inventory and the configuration files of its hosts that take part say of a cluster. */
export async function knownCluster(
  site: { readonly hosts: readonly ReadOnlyHost[]; cluster(name: string): Cluster },
  name: string,
  io: Io,
): Promise<KnownCluster> {
  const of = async (role: 'storaged' | 'metad'): Promise<readonly KnownService[]> =>
    (await instancesOf(site, name, io, role)).map(serviceOf)
  return { storageds: await of('storaged'), metads: await of('metad') }
}

function serviceOf({ address, hostName, dataDirs }: Instance): KnownService {
  return { address: addressText(address), host: hostName, data_dirs: dataDirs }
}
