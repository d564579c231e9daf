import * as Type from 'typebox'
import { formatBytes, parseDuration } from '../../base/units.ts'
import { addressText } from '../../databases/nebula/contract.ts'
import { clusterName, duration, nameList, storageName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { jobText, waitForJobs } from './checking/check-jobs.ts'
import { probeObject } from './checking/check-storage.ts'
import { compareFlags } from './checking/compare-flags.ts'
import { dialAdminPorts } from './checking/dial-admin.ts'
import { requireNone, together } from './checking/fault.ts'
import { type CheckFacts, lookAtAll } from './checking/look.ts'
import { metaClient, nebulaCluster } from './shared/cluster.ts'
import { count, text, textOrNull, texts } from './shared/schemas.ts'

const closed = { additionalProperties: false }

export const check = defineClusterModule({
  name: 'nebula.check',
  summary: 'Check all that a backup of a NebulaGraph needs, and tell all faults at once.',
  readOnly: true,
  worksWithMissing: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      storage: Type.Optional(storageName()),
      backup_space_factor: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 10,
          default: 0.1,
          description: 'Bytes that must be free on a data path, for each byte that it holds.',
        }),
      ),
      wait_for_jobs: Type.Optional(
        duration(
          'How long to wait for jobs that keep backups from being made; without it they are a fault.',
        ),
      ),
      graphd: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'A graphd must answer and let us in: without it that is a warning.',
        }),
      ),
      allow_missing: Type.Optional(nameList('Hosts that may be missing.')),
    },
    closed,
  ),
  returns: Type.Object(
    {
      generation: text('One of 2.0, 2.1, 3.0 and 3.3.'),
      version: textOrNull('The version, where a service tells it.'),
      leader: text('host:port of the metad that leads.'),
      storageds: count('Storageds that are online.'),
      spaces: texts('The spaces.'),
      data_bytes: count('What data paths hold, checkpoints too: copies count each.'),
      warnings: texts('What the reader should know.'),
    },
    closed,
  ),
  resources: ({ cluster, storage }) => [
    `nebula:${cluster}`,
    ...(storage === undefined ? [] : [`storage:${storage}`]),
  ],
  inspect: async (site, args, io): Promise<CheckFacts> =>
    await lookAtAll(site, nebulaCluster(site, args.cluster), args, io),
  plan: ({ args, facts }) => {
    requireNone(args.cluster, facts.faults)
    return {
      kind: 'change',
      changes: [
        {
          action: 'call',
          target: `cluster ${args.cluster}`,
          notes: [
            `all is as a backup needs it; data paths hold ${formatBytes(facts.dataBytes)}`,
            ...(args.storage === undefined
              ? []
              : [`writes, reads and deletes an object in ${args.storage}`]),
            ...facts.jobs.refusing.map(job => `waits for ${jobText(job)}`),
            ...facts.warnings.map(warning => `warning: ${warning}`),
          ],
        },
      ],
      after: {},
      changesNothing: true,
      result: resultOf(facts, facts.warnings),
    }
  },
  apply: async (site, { args, facts }, io) => {
    const { clock, random } = site.run
    const { instances, state, jobs } = facts
    const { settings } = nebulaCluster(site, args.cluster)
    const found = together([
      await compareFlags(site.hosts, instances, settings, clock, io),
      ...(state === undefined
        ? []
        : [await dialAdminPorts(site.hosts, instances, state, clock, io)]),
      ...(args.storage === undefined
        ? []
        : [await probeObject(site.storage(args.storage), random, io)]),
    ])
    requireNone(args.cluster, found.faults)
    if (args.wait_for_jobs !== undefined && state !== undefined && jobs.refusing.length > 0) {
      const client = await metaClient(site, args.cluster)
      try {
        const timeoutMs = parseDuration(args.wait_for_jobs)
        await waitForJobs(client, state, { timeoutMs, clock }, io)
      } finally {
        await client.close()
      }
    }
    return resultOf(facts, [...facts.warnings, ...found.warnings])
  },
})

function resultOf({ state, dataBytes }: CheckFacts, warnings: readonly string[]) {
  const online = state?.storageds.filter(({ status }) => status === 'online') ?? []
  return {
    // Without a state there is a fault, and no result.
    generation: state?.generation ?? '',
    version: state?.version ?? null,
    leader: state === undefined ? '' : addressText(state.leader),
    storageds: online.length,
    spaces: state?.spaces.map(({ name }) => name) ?? [],
    data_bytes: dataBytes,
    warnings: [...warnings],
  }
}
