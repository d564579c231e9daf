import * as Type from 'typebox'
import { readState } from '../../databases/nebula/topology/state.ts'
import { clusterName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { describeCluster } from './checking/describe-cluster.ts'
import { instancesOf, metaReader, nebulaCluster } from './shared/cluster.ts'
import { count, partitionsBySpace, text, textOrNull, texts } from './shared/schemas.ts'

const closed = { additionalProperties: false }

const service = {
  address: text('host:port, as the cluster knows it.'),
  host: textOrNull('The host of the inventory; null where it has none for it.'),
  status: text('online, offline, unknown; absent where metads know nothing of it.'),
  version: textOrNull('As the service says; null where it does not.'),
  data_dirs: texts('Its data paths, as its host sees them.'),
}

export const facts = defineClusterModule({
  name: 'nebula.facts',
  summary: 'Tell what a NebulaGraph is: version, services, spaces, partitions, snapshots.',
  readOnly: true,
  args: Type.Object({ cluster: clusterName() }, closed),
  returns: Type.Object(
    {
      generation: text('One of 2.0, 2.1, 3.0 and 3.3: the first version with these structures.'),
      version: textOrNull('The version, where a service tells it.'),
      leader: text('host:port of the metad that leads.'),
      metads: Type.Array(Type.Object(service, closed), { description: 'The metads.' }),
      storageds: Type.Array(
        Type.Object(
          {
            ...service,
            wal_dir: textOrNull('Its --wal_path, as its host sees it.'),
            partitions: partitionsBySpace('What it holds, by space.'),
            leaders: partitionsBySpace('What it leads, by space.'),
          },
          closed,
        ),
        { description: 'The storageds.' },
      ),
      graphds: Type.Array(Type.Object(service, closed), { description: 'The graphds.' }),
      spaces: Type.Array(
        Type.Object(
          {
            id: count('Its id.'),
            name: text('Its name.'),
            partitions: count('How many partitions it has.'),
            replicas: count('How many copies of each.'),
            vid: text('The type of its vertex ids.'),
          },
          closed,
        ),
        { description: 'The spaces.' },
      ),
      snapshots: Type.Array(
        Type.Object(
          {
            name: text('SNAPSHOT_... or BACKUP_....'),
            status: text('valid or invalid.'),
            hosts: texts('The storageds at its creation.'),
          },
          closed,
        ),
        { description: 'What SHOW SNAPSHOTS lists.' },
      ),
    },
    closed,
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, { cluster }, io) => {
    nebulaCluster(site, cluster)
    const instances = await instancesOf(site, cluster, io)
    const reader = await metaReader(site, cluster)
    try {
      return describeCluster(await readState(reader, io), instances)
    } finally {
      await reader.close()
    }
  },
  plan: ({ facts: found }) => ({ kind: 'unchanged', result: found }),
  apply: async (_site, { facts: found }) => found,
})
