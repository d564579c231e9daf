import * as Type from 'typebox'
import { isRecord } from '../../base/json.ts'
import { checkpointKind } from '../../databases/nebula/layout.ts'
import { clusterName, duration } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { type BackupFacts, lookBeforeBackup } from './creating/facts.ts'
import { checkSnapshot, makeSnapshot } from './creating/make-snapshot.ts'
import { metaClient, metaReader, nebulaCluster } from './shared/cluster.ts'

export const createSnapshot = defineClusterModule({
  name: 'nebula.create_snapshot',
  summary: 'Make a snapshot of a whole NebulaGraph on its own hosts, and see that all is there.',
  args: Type.Object(
    {
      cluster: clusterName(),
      timeout: Type.Optional(
        duration(
          'How long it may take; the cluster says it where the step does not (create_timeout, 30m).',
        ),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      name: Type.String({ description: 'The name of the snapshot: SNAPSHOT_....' }),
      blocked_ms: Type.Number({ description: 'At most as long writes were blocked.' }),
      bytes: Type.Number({ description: 'Bytes of all files; links to files that are in use.' }),
      hosts: Type.Array(Type.String(), { description: 'Hosts that have a part of it.' }),
      spaces: Type.Array(Type.String(), { description: 'Names of its spaces.' }),
      lines: Type.Array(Type.String(), { description: 'The same, for readers.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, args, io): Promise<BackupFacts> => {
    const reader = await metaReader(site, args.cluster)
    try {
      return await lookBeforeBackup(site, reader, args, io)
    } finally {
      await reader.close()
    }
  },
  plan: ({ args, facts: { generation, version, spaces, owners } }) => ({
    kind: 'change',
    changes: [
      {
        action: 'call',
        target: `createSnapshot of ${args.cluster}`,
        notes: [
          `NebulaGraph ${version ?? `${generation}.x`}; spaces: ${spaces.map(({ name }) => name).join(', ')}`,
          `writes are blocked on ${owners.join(', ')} until all checkpoints are made`,
        ],
      },
    ],
    after: {},
    result: { spaces: spaces.map(({ name }) => name) },
  }),
  intent: ({ facts: { existing } }) => ({ existing }),
  apply: async (site, { args: { cluster: name, timeout }, facts, left }, io) => {
    const cluster = nebulaCluster(site, name)
    const client = await metaClient(site, name)
    try {
      const making = { site, cluster, client, facts, left }
      const { blockedMs, ...made } = await makeSnapshot(
        timeout === undefined ? making : { ...making, timeout },
        io,
      )
      return resultOf(made, facts, blockedMs)
    } finally {
      await client.close()
    }
  },
  // A snapshot is its files and its row: one that is whole is what was asked for, answered or not.
  recover: async (site, { args, before, intent }, io) => {
    const existing = isRecord(intent) ? intent['existing'] : undefined
    if (!Array.isArray(existing)) return { state: 'not_started' }
    const reader = await metaReader(site, args.cluster)
    try {
      const made = (await reader.listSnapshots(io)).filter(
        ({ name }) => checkpointKind(name) === 'snapshot' && !existing.includes(name),
      )
      const [row, ...others] = made
      if (row?.status !== 'valid' || others.length > 0) return { state: 'not_started' }
      const cluster = nebulaCluster(site, args.cluster)
      const whole = await checkSnapshot({ site, cluster, reader }, row.name, before.spaces, io)
      return { state: 'done', result: resultOf(whole, before, 0) }
    } finally {
      await reader.close()
    }
  },
})

function resultOf(
  made: Pick<Awaited<ReturnType<typeof checkSnapshot>>, 'name' | 'bytes' | 'hosts' | 'lines'>,
  { spaces }: BackupFacts,
  blockedMs: number,
) {
  return {
    name: made.name,
    blocked_ms: blockedMs,
    bytes: made.bytes,
    hosts: [...made.hosts],
    spaces: spaces.map(({ name }) => name),
    lines: [...made.lines],
  }
}
