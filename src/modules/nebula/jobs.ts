import * as Type from 'typebox'
import { parseDuration } from '../../base/units.ts'
import { type RunningJob, runningJobs } from '../../databases/nebula/graph/jobs.ts'
import { clusterName, duration } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { jobText, waitForJobs } from './checking/check-jobs.ts'
import { type Asked, noGraphd, readSpaces } from './counting/read-spaces.ts'
import { metaClient, metaReader } from './shared/cluster.ts'
import { text, texts } from './shared/schemas.ts'

const closed = { additionalProperties: false }

interface Facts extends Asked {
  readonly jobs: readonly RunningJob[]
}

const jobSchema = Type.Object(
  {
    id: text('Its number.'),
    command: text('REBUILD_TAG_INDEX, COMPACT, STATS ...'),
    status: Type.Enum(['QUEUE', 'RUNNING'], { description: 'As SHOW JOBS says.' }),
    spaces: texts('The spaces that list it.'),
    refuses_backup: Type.Boolean({
      description: 'Backups and snapshots are refused while it runs.',
    }),
  },
  closed,
)

export const jobs = defineClusterModule({
  name: 'nebula.jobs',
  summary:
    'Tell which jobs of a NebulaGraph run, and wait for those that keep backups from being made.',
  readOnly: true,
  worksWithMissing: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      wait: Type.Optional(
        duration(
          'How long to wait until none runs that refuses backups; without it they are only told.',
        ),
      ),
    },
    closed,
  ),
  returns: Type.Object(
    {
      asked: Type.Boolean({ description: 'False where no graphd is there to ask.' }),
      jobs: Type.Array(jobSchema, { description: 'Jobs that are queued or running.' }),
      refusing: texts('Those that refuse backups, for readers.'),
      warnings: texts('What the reader should know.'),
    },
    closed,
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const reader = await metaReader(site, args.cluster)
    try {
      const asked = await readSpaces(reader, undefined, io)
      if (reader.graph === undefined) return { ...asked, jobs: [] }
      const session = await reader.graph.openReader(io)
      try {
        const { generation, version } = asked
        const which = { generation, ...(version === null ? {} : { version }) }
        return { ...asked, jobs: await runningJobs(session, asked.spaces, which, io) }
      } finally {
        await session.close()
      }
    } finally {
      await reader.close()
    }
  },
  plan: ({ args, facts }) => {
    const result = resultOf(args.cluster, facts)
    const { refusing, warnings } = result
    if (args.wait === undefined || refusing.length === 0) {
      const message = warnings[0] ?? (refusing.join(', ') || undefined)
      return { kind: 'unchanged', result, ...(message === undefined ? {} : { message }) }
    }
    return {
      kind: 'change',
      changes: [
        {
          action: 'call',
          target: `wait ${args.wait} at most for jobs of ${args.cluster}`,
          notes: refusing,
        },
      ],
      after: {},
      changesNothing: true,
      result: { asked: true, refusing: [], warnings: [] },
    }
  },
  apply: async (site, { args, facts }, io) => {
    if (args.wait === undefined) return resultOf(args.cluster, facts)
    const client = await metaClient(site, args.cluster)
    try {
      const { generation, version } = facts
      const spaces = await client.listSpaces(io)
      const wait = { timeoutMs: parseDuration(args.wait), clock: site.run.clock }
      await waitForJobs(client, { spaces, generation, version }, wait, io)
      const others = facts.jobs.filter(({ refusesBackup }) => !refusesBackup)
      return resultOf(args.cluster, { ...facts, jobs: others })
    } finally {
      await client.close()
    }
  },
})

function resultOf(cluster: string, facts: Pick<Facts, 'jobs' | 'hasGraphd'>) {
  return {
    asked: facts.hasGraphd,
    jobs: facts.jobs.map(({ id, command, status, spaces, refusesBackup }) => ({
      id: String(id),
      command,
      status,
      spaces: [...spaces],
      refuses_backup: refusesBackup,
    })),
    refusing: facts.jobs.filter(({ refusesBackup }) => refusesBackup).map(jobText),
    warnings: facts.hasGraphd ? [] : [noGraphd(cluster, 'its jobs are not known')],
  }
}
