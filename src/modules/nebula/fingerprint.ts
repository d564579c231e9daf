import * as Type from 'typebox'
import { parseDuration } from '../../base/units.ts'
import { clusterName, duration, nameList } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { countSpaces, requireCounts } from './counting/count-spaces.ts'
import { type Asked, noGraphd, readSpaces } from './counting/read-spaces.ts'
import { metaClient, metaReader } from './shared/cluster.ts'
import { texts } from './shared/schemas.ts'

const closed = { additionalProperties: false }
const defaultTimeout = '30m'

const counts = (description: string) =>
  Type.Record(Type.String(), Type.Integer({ minimum: 0 }), { description })

const fingerprintSchema = Type.Object(
  {
    vertices: Type.Integer({ minimum: 0, description: 'Vertices.' }),
    edges: Type.Integer({ minimum: 0, description: 'Edges.' }),
    tags: counts('Vertices by tag.'),
    edgeTypes: counts('Edges by edge type.'),
  },
  closed,
)

export const fingerprint = defineClusterModule({
  name: 'nebula.fingerprint',
  summary:
    'Count the vertices and edges of spaces, and fail where they are not as many as expected.',
  readOnly: true,
  worksWithMissing: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      spaces: Type.Optional(
        nameList('Spaces to count; without it those of expect, or all of them.'),
      ),
      refresh: Type.Optional(
        Type.Boolean({
          default: true,
          description:
            'Counts anew: a STATS job in each space, waited for. Otherwise what the newest such job counted.',
        }),
      ),
      timeout: Type.Optional(duration('How long counting may take at most; 30m without it.')),
      expect: Type.Optional(
        Type.Record(Type.String(), Type.Union([fingerprintSchema, Type.Null()]), {
          description:
            'By space, what it is to hold, as this step gave it before; null is not compared.',
        }),
      ),
      tolerance: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 1,
          default: 0,
          description: 'By which share of itself a count may differ: 0.01 is one percent.',
        }),
      ),
    },
    closed,
  ),
  returns: Type.Object(
    {
      counted: Type.Boolean({ description: 'False where no graphd is there to count.' }),
      spaces: Type.Record(Type.String(), fingerprintSchema, { description: 'What they hold.' }),
      warnings: texts('What the reader should know.'),
    },
    closed,
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, args, io): Promise<Asked> => {
    const reader = await metaReader(site, args.cluster)
    try {
      const named =
        args.spaces ?? (args.expect === undefined ? undefined : Object.keys(args.expect))
      // A space that is expected and gone is a difference like any other, told with the rest.
      const asked = await readSpaces(reader, args.spaces, io)
      const there = new Set(asked.spaces)
      return { ...asked, spaces: (named ?? asked.spaces).filter(space => there.has(space)) }
    } finally {
      await reader.close()
    }
  },
  plan: ({ args, facts }) => {
    if (!facts.hasGraphd) {
      const warning = noGraphd(args.cluster, 'vertices and edges were not counted')
      return {
        kind: 'unchanged',
        result: { counted: false, spaces: {}, warnings: [warning] },
        message: warning,
      }
    }
    const how = args.refresh === false ? 'SHOW STATS' : 'SUBMIT JOB STATS, SHOW STATS'
    return {
      kind: 'change',
      changes: [
        {
          action: 'call',
          target: `${how} in ${facts.spaces.join(', ') || 'no space'}`,
          ...(args.expect === undefined
            ? {}
            : { notes: [`compares ${Object.keys(args.expect).join(', ')}`] }),
        },
      ],
      after: {},
      changesNothing: true,
      result: { counted: true, warnings: [] },
    }
  },
  apply: async (site, { args, facts }, io) => {
    const client = await metaClient(site, args.cluster)
    try {
      const { graph } = client
      if (graph === undefined) return { counted: false, spaces: {}, warnings: [] }
      const found = await countSpaces(
        graph,
        {
          spaces: facts.spaces,
          refresh: args.refresh !== false,
          timeoutMs: parseDuration(args.timeout ?? defaultTimeout),
          clock: site.run.clock,
        },
        io,
      )
      requireCounts(args.cluster, args.expect ?? {}, found, args.tolerance ?? 0)
      const spaces = Object.entries(found).map(([space, { tags, edgeTypes, ...totals }]) => [
        space,
        { ...totals, tags: { ...tags }, edgeTypes: { ...edgeTypes } },
      ])
      return { counted: true, spaces: Object.fromEntries(spaces), warnings: [] }
    } finally {
      await client.close()
    }
  },
})
