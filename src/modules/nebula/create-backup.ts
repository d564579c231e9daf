import * as Type from 'typebox'
import { anyValue, clusterName, duration, nameList } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { type BackupFacts, lookBeforeBackup } from './creating/facts.ts'
import { makeBackup } from './creating/make.ts'
import { metaClient, metaReader, nebulaCluster } from './shared/cluster.ts'

const pathSchema = Type.Object(
  {
    path: Type.String({ description: 'Where the files are now.' }),
    as: Type.String({ description: 'The name they go by in every backup.' }),
  },
  { additionalProperties: false },
)

/** Logs and MANIFESTs are gone on with where they end, also by what is restored beside them. */
const immutableFiles = ['*.sst']

export const createBackup = defineClusterModule({
  name: 'nebula.create_backup',
  summary: 'Have NebulaGraph make a backup on its hosts, and see that all of it is there.',
  args: Type.Object(
    {
      cluster: clusterName(),
      spaces: Type.Optional(nameList('Spaces to back up; all of them without it.')),
      timeout: Type.Optional(
        duration(
          'How long it may take; the cluster says it where the step does not (create_timeout, 30m).',
        ),
      ),
      fingerprint: Type.Optional(
        Type.Boolean({
          default: false,
          description:
            'Counts vertices and edges first, by a STATS job in each space: a restore compares them.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      name: Type.String({ description: 'The name of the backup: BACKUP_....' }),
      generation: Type.String({ description: 'What its metad speaks: 2.0, 2.1, 3.0 or 3.3.' }),
      version: Type.String({ description: 'The version of NebulaGraph; empty if none says.' }),
      paths: Type.Record(Type.String(), Type.Array(pathSchema), {
        description: 'What to back up of each host: paths of repository.backup.',
      }),
      identity: Type.String({
        description: 'How files are compared: inode, as SSTs never change.',
      }),
      immutable: Type.Array(Type.String(), {
        description: 'Which files never change: SSTs, not logs nor MANIFESTs.',
      }),
      metadata: anyValue('What a restore needs: metadata of repository.backup.'),
      blocked_ms: Type.Number({ description: 'At most as long writes were blocked.' }),
      bytes: Type.Number({ description: 'Bytes of all files.' }),
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
  plan: ({ args, facts: { generation, version, spaces, all, owners } }) => {
    const names = spaces.map(({ name }) => name)
    return {
      kind: 'change',
      changes: [
        {
          action: 'call',
          target: `createBackup of ${args.cluster}: ${all ? 'all spaces' : names.join(', ')}`,
          notes: [
            `NebulaGraph ${version ?? `${generation}.x`}; spaces: ${names.join(', ')}`,
            `writes are blocked on ${owners.join(', ')} until all checkpoints are made`,
          ],
        },
      ],
      after: {},
      result: {
        generation,
        version: version ?? '',
        identity: 'inode',
        immutable: immutableFiles,
        spaces: names,
      },
      binding: { spaces: all ? 'all' : names },
    }
  },
  intent: ({ facts: { existing } }) => ({ existing }),
  apply: async (site, { args, facts, left }, io) => {
    const cluster = nebulaCluster(site, args.cluster)
    const client = await metaClient(site, args.cluster)
    try {
      const { timeout, fingerprint } = args
      const { metadata, bytes, lines } = await makeBackup(
        {
          site,
          cluster,
          client,
          facts,
          ...(timeout === undefined ? {} : { timeout }),
          ...(fingerprint === undefined ? {} : { fingerprint }),
          ...(left === undefined ? {} : { left }),
        },
        io,
      )
      const paths: Record<string, { path: string; as: string }[]> = {}
      for (const { host, path, as } of metadata.roots) {
        paths[host] = [...(paths[host] ?? []), { path, as }]
      }
      return {
        name: metadata.name,
        generation: metadata.generation,
        version: metadata.version ?? '',
        paths,
        identity: 'inode',
        immutable: immutableFiles,
        metadata,
        blocked_ms: metadata.blocked_ms,
        bytes,
        hosts: Object.keys(paths),
        spaces: metadata.spaces.map(({ name }) => name),
        lines: [...lines],
      }
    } finally {
      await client.close()
    }
  },
  // Its files are nobody's whose answer was lost: apply finds and drops them before it begins again.
  recover: async () => ({ state: 'not_started' }),
})
