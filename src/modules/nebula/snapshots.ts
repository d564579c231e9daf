import * as Type from 'typebox'
import { surveyCheckpoints } from '../../databases/nebula/checkpoints/survey.ts'
import { clusterName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { folderSchema } from './dropping/schemas.ts'
import { describeSnapshots } from './listing/describe.ts'
import { metaReader, nebulaCluster } from './shared/cluster.ts'

const rowSchema = Type.Object(
  {
    name: Type.String({ description: 'SNAPSHOT_... or BACKUP_....' }),
    status: Type.Enum(['valid', 'invalid'], { description: 'As SHOW SNAPSHOTS says.' }),
    hosts: Type.Array(Type.String(), { description: 'The storageds at its creation.' }),
  },
  { additionalProperties: false },
)

const onDiskSchema = Type.Object(
  {
    name: Type.String({ description: 'The name of the folders.' }),
    row: Type.Enum(['valid', 'invalid', 'none'], { description: 'What metad says of it.' }),
    modified: Type.String({ description: 'When the newest of its folders changed, UTC.' }),
    places: Type.Array(folderSchema, { description: 'Where it is.' }),
  },
  { additionalProperties: false },
)

export const snapshots = defineClusterModule({
  name: 'nebula.snapshots',
  summary: 'Tell which snapshots and backups a NebulaGraph has, and what of them is on its disks.',
  readOnly: true,
  worksWithMissing: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      on_disk: Type.Optional(
        Type.Boolean({
          default: true,
          description: 'Whether hosts are looked at, too: metads do not know all that is there.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      time: Type.String({ description: 'When it was so, UTC.' }),
      snapshots: Type.Array(rowSchema, { description: 'What SHOW SNAPSHOTS lists.' }),
      on_disk: Type.Array(onDiskSchema, { description: 'What hosts have, by name.' }),
      invalid: Type.Array(Type.String(), { description: 'Names of rows that are INVALID.' }),
      orphans: Type.Array(Type.String(), {
        description: 'Names that hosts have and metad does not list.',
      }),
      unread: Type.Array(Type.String(), {
        description: 'Hosts that could not be looked at, and why.',
      }),
      lines: Type.Array(Type.String(), { description: 'The same, for readers.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, args, io) => {
    const cluster = nebulaCluster(site, args.cluster)
    // Before anything is asked: what is made meanwhile is new since then.
    const time = site.run.clock.now().toISOString()
    const reader = await metaReader(site, args.cluster)
    try {
      const rows = await reader.listSnapshots(io)
      const { found, unread } =
        args.on_disk === false
          ? { found: [], unread: [] }
          : await surveyCheckpoints(site.hosts, cluster, io)
      return describeSnapshots({ time, rows, found, unread })
    } finally {
      await reader.close()
    }
  },
  plan: ({ facts }) => ({ kind: 'unchanged', result: facts }),
  apply: async (_site, { facts }) => facts,
})
