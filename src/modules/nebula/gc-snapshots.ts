import * as Type from 'typebox'
import { parseDuration } from '../../base/units.ts'
import type { FoundCheckpoint } from '../../databases/nebula/checkpoints/find.ts'
import { removeCheckpoints } from '../../databases/nebula/checkpoints/remove.ts'
import { surveyCheckpoints } from '../../databases/nebula/checkpoints/survey.ts'
import type { SnapshotRow } from '../../databases/nebula/contract.ts'
import { clusterName, duration } from '../arguments.ts'
import { type Change, defineClusterModule } from '../contract.ts'
import { type Chosen, chooseGarbage } from './collecting/choose.ts'
import { dropEverywhere } from './dropping/drop.ts'
import { folderSchema } from './dropping/schemas.ts'
import { metaClient, metaReader, nebulaCluster } from './shared/cluster.ts'

/** How old folders must be that no metad lists, where the step does not say (specs/nebula.md §3.3). */
const defaultOrphanAge = '1h'

interface Facts {
  readonly rows: readonly SnapshotRow[]
  readonly found: readonly FoundCheckpoint[]
  readonly unread: readonly { readonly host: string; readonly reason: string }[]
}

interface Args {
  readonly keep?: number | readonly string[]
  readonly invalid?: boolean
  readonly orphans_older_than?: string
  readonly backups_older_than?: string
}

export const gcSnapshots = defineClusterModule({
  name: 'nebula.gc_snapshots',
  summary: 'Drop snapshots that are INVALID or too many, and remove folders that no metad lists.',
  destructive: true,
  worksWithMissing: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      keep: Type.Optional(
        Type.Unsafe<number | readonly string[]>({
          anyOf: [
            { type: 'integer', minimum: 0 },
            { type: 'array', items: { type: 'string', minLength: 1 } },
          ],
          description: 'How many of the newest snapshots stay, or their names; all without it.',
        }),
      ),
      invalid: Type.Optional(
        Type.Boolean({ default: true, description: 'Whether INVALID ones are dropped.' }),
      ),
      orphans_older_than: Type.Optional(
        duration(
          'How old folders must be that no metad lists: 1h without it. INVALID ones, too: a younger one may still be made.',
        ),
      ),
      backups_older_than: Type.Optional(
        duration(
          'How old a BACKUP_ must be to count as left by a backup that died; none is dropped without it.',
        ),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      dropped: Type.Array(Type.String(), { description: 'Names that were dropped.' }),
      removed: Type.Array(folderSchema, { description: 'Folders that were removed.' }),
      lines: Type.Array(Type.String(), { description: 'The same, for readers.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const cluster = nebulaCluster(site, args.cluster)
    const reader = await metaReader(site, args.cluster)
    try {
      // Folders first: what gets its row meanwhile is then listed.
      const { found, unread } = await surveyCheckpoints(site.hosts, cluster, io)
      return { rows: await reader.listSnapshots(io), found, unread }
    } finally {
      await reader.close()
    }
  },
  plan: ({ args, facts }) => {
    const { drops, orphans, left } = choose(args, facts)
    const notes = [
      ...left,
      ...facts.unread.map(({ host, reason }) => `${host} is not looked at: ${reason}`),
    ]
    const [first, ...others]: readonly Change[] = [
      ...drops.map(
        ({ name, why }): Change => ({
          action: 'call',
          target: `dropSnapshot ${name}`,
          destructive: true,
          notes: [why],
        }),
      ),
      ...orphans.map(
        ({ path, host, modified }): Change => ({
          action: 'delete',
          target: path,
          host,
          destructive: true,
          notes: [`no metad lists it; changed ${modified}`],
        }),
      ),
    ]
    if (first === undefined) {
      return {
        kind: 'unchanged',
        result: { dropped: [], removed: [], lines: ['nothing is to go', ...notes] },
        message: ['nothing is to go', ...notes].join('; '),
      }
    }
    return {
      kind: 'change',
      changes: [{ ...first, notes: [...(first.notes ?? []), ...notes] }, ...others],
      after: {},
      result: { dropped: drops.map(({ name }) => name) },
      binding: {
        drops: drops.map(({ name }) => name),
        removes: orphans.map(({ host, path }) => `${host}:${path}`),
      },
    }
  },
  apply: async (site, { args, facts }, io) => {
    const cluster = nebulaCluster(site, args.cluster)
    const client = await metaClient(site, args.cluster)
    const { drops, orphans, left } = choose(args, facts)
    const removed: { host: string; path: string }[] = []
    try {
      const listed = new Set((await client.listSnapshots(io)).map(({ name }) => name))
      const gone = orphans.filter(({ name }) => !listed.has(name))
      for (const host of site.hosts) {
        const own = gone.filter(each => each.host === host.name)
        await removeCheckpoints(host, own, io)
        removed.push(...own.map(({ path }) => ({ host: host.name, path })))
      }
      for (const { name } of drops) {
        const allowMissing = facts.unread.map(({ host }) => host)
        const dropped = await dropEverywhere({ site, cluster, client, allowMissing }, name, io)
        removed.push(...dropped.removed)
      }
    } finally {
      await client.close()
    }
    return {
      dropped: drops.map(({ name }) => name),
      removed,
      lines: [
        ...drops.map(({ name, why }) => `${name} is dropped: ${why}`),
        ...removed.map(({ host, path }) => `${host}: ${path} is removed`),
        ...left,
        ...facts.unread.map(({ host, reason }) => `${host} was not looked at: ${reason}`),
      ],
    }
  },
})

function choose(args: Args, { rows, found, unread }: Facts): Chosen {
  const { keep, invalid = true, orphans_older_than: age, backups_older_than: backups } = args
  return chooseGarbage(rows, found, unread, {
    ...(keep === undefined ? {} : { keep }),
    invalid,
    orphansOlderThanMs: parseDuration(age ?? defaultOrphanAge),
    ...(backups === undefined ? {} : { backupsOlderThanMs: parseDuration(backups) }),
  })
}
