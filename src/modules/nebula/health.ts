import * as Type from 'typebox'
import { parseDuration } from '../../base/units.ts'
import { addressText } from '../../databases/nebula/contract.ts'
import { clusterName, duration, nameList } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { compareCounts } from './checking/compare-counts.ts'
import { waitForHealth } from './checking/wait-for-health.ts'
import { instancesOf, metaClient, nebulaCluster } from './shared/cluster.ts'
import { count, text, textOrNull, texts } from './shared/schemas.ts'

const closed = { additionalProperties: false }
const defaultTimeout = '5m'

const counts = Type.Record(Type.String(), Type.Integer({ minimum: 0 }))

const fingerprint = Type.Object(
  { vertices: Type.Integer(), edges: Type.Integer(), tags: counts, edgeTypes: counts },
  closed,
)

export const health = defineClusterModule({
  name: 'nebula.health',
  summary: 'Wait until a NebulaGraph is whole: services, leaders of all partitions, spaces.',
  readOnly: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      timeout: Type.Optional(duration('How long to wait at most; 5m without it.')),
      spaces: Type.Optional(nameList('The spaces it is to have, all of them; any without it.')),
      fingerprint: Type.Optional(
        Type.Record(Type.String(), Type.Union([fingerprint, Type.Null()]), {
          description:
            'Counts of vertices and edges that spaces are to have: a STATS job counts them. Null is not compared.',
        }),
      ),
    },
    closed,
  ),
  returns: Type.Object(
    {
      waited: count('Seconds it took.'),
      generation: text('One of 2.0, 2.1, 3.0 and 3.3.'),
      version: textOrNull('The version, where a service tells it.'),
      leader: text('host:port of the metad that leads.'),
      metads: count('Metads that answer.'),
      storageds: count('Storageds that are online.'),
      spaces: Type.Array(
        Type.Object(
          { name: text('Its name.'), partitions: count('All of which have a leader.') },
          closed,
        ),
        { description: 'The spaces.' },
      ),
      warnings: texts('What the reader should know.'),
    },
    closed,
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, { cluster }) => ({ cluster: nebulaCluster(site, cluster).name }),
  plan: ({ args }) => ({
    kind: 'change',
    changes: [
      {
        action: 'call',
        target: `cluster ${args.cluster}`,
        notes: [`waits ${args.timeout ?? defaultTimeout} at most until it is whole`],
      },
    ],
    after: {},
    changesNothing: true,
  }),
  apply: async (site, { args }, io) => {
    const { clock } = site.run
    const startMs = clock.monotonicMs()
    const timeoutMs = parseDuration(args.timeout ?? defaultTimeout)
    const leftMs = () => Math.max(0, timeoutMs - (clock.monotonicMs() - startMs))
    const instances = await instancesOf(site, args.cluster, io)
    const client = await metaClient(site, args.cluster)
    try {
      const expected = {
        instances,
        ...(args.spaces === undefined ? {} : { spaces: args.spaces }),
      }
      const wait = { cluster: args.cluster, timeoutMs, clock }
      const { state, warnings } = await waitForHealth(client, expected, wait, io)
      const counted = Object.fromEntries(
        Object.entries(args.fingerprint ?? {}).flatMap(([space, each]) =>
          each === null ? [] : [[space, each] as const],
        ),
      )
      const timeLeft = { clock, timeoutMs: leftMs() }
      await compareCounts(args.cluster, client, counted, timeLeft, io)
      return {
        waited: Math.round((clock.monotonicMs() - startMs) / 1000),
        generation: state.generation,
        version: state.version,
        leader: addressText(state.leader),
        metads: instances.filter(({ role }) => role === 'metad').length,
        storageds: state.storageds.filter(({ status }) => status === 'online').length,
        spaces: state.spaces.map(({ name, description: { partitions } }) => ({ name, partitions })),
        warnings: [...warnings],
      }
    } finally {
      await client.close()
    }
  },
})
