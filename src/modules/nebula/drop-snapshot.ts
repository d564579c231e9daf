import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { surveyCheckpoints } from '../../databases/nebula/checkpoints/survey.ts'
import { anyValue, clusterName, nameList } from '../arguments.ts'
import { type Change, defineClusterModule } from '../contract.ts'
import { dropEverywhere } from './dropping/drop.ts'
import { dropNew } from './dropping/drop-new.ts'
import { checkpointNameArgument, folderSchema } from './dropping/schemas.ts'
import { isSettled, nameIn, namesThen, newSince, sinceArgument } from './dropping/since.ts'
import { metaClient, metaReader, nebulaCluster } from './shared/cluster.ts'

interface Facts {
  /** What is to be dropped; null where it has to be found first. */
  readonly name: string | null
  readonly row: 'valid' | 'invalid' | 'none'
  readonly places: readonly { readonly host: string; readonly path: string }[]
  readonly unread: readonly { readonly host: string; readonly reason: string }[]
  /** The step that it is of has undone itself what it did. */
  readonly settled: boolean
  /** Others of its kind that are new since `since`. */
  readonly others: readonly string[]
}

export const dropSnapshot = defineClusterModule({
  name: 'nebula.drop_snapshot',
  summary: 'Drop a snapshot or a backup of NebulaGraph, and what DROP leaves of it on hosts.',
  destructive: true,
  worksWithMissing: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      name: Type.Optional(checkpointNameArgument('Which one: SNAPSHOT_... or BACKUP_....')),
      created_by: Type.Optional(
        anyValue(
          'What nebula.create_backup or nebula.create_snapshot registered, whether it failed or not.',
        ),
      ),
      since: Type.Optional(
        sinceArgument(
          'What nebula.snapshots registered before: where no name is known, the one that is new since then is meant.',
        ),
      ),
      kind: Type.Optional(
        Type.Enum(['backup', 'snapshot'], {
          default: 'backup',
          description: 'What the one without a known name is.',
        }),
      ),
      allow_missing: Type.Optional(
        nameList('Hosts that may be missing: files that they have are left there.'),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      name: Type.String({ description: 'What was dropped; empty where there was nothing.' }),
      row: Type.Enum(['dropped', 'absent'], {
        description: 'Whether metad had it: dropped, or absent.',
      }),
      removed: Type.Array(folderSchema, {
        description: 'Folders that metad had left and that were removed.',
      }),
      lifted: Type.Boolean({
        description: 'Writes may have been left blocked; that was ended.',
      }),
      warnings: Type.Array(Type.String(), { description: 'What the reader should know.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const cluster = nebulaCluster(site, args.cluster)
    const name = args.name ?? nameIn(args.created_by)
    const settled = name === undefined && isSettled(args.created_by)
    if (settled) return { name: null, row: 'none', places: [], unread: [], settled, others: [] }
    if (name === undefined && args.since === undefined) throw nothingSaid()
    const reader = await metaReader(site, args.cluster)
    try {
      const rows = await reader.listSnapshots(io)
      const { found, unread } = await surveyCheckpoints(site.hosts, cluster, io)
      const news =
        args.since === undefined
          ? []
          : newSince(namesThen(args.since), args.kind ?? 'backup', { rows, found })
      const [only, ...more] = news
      const known = name ?? (more.length === 0 ? only : undefined)
      return {
        name: name ?? null,
        row: rows.find(row => row.name === known)?.status ?? 'none',
        places: found.filter(each => each.name === known).map(({ host, path }) => ({ host, path })),
        unread,
        settled,
        others: news.filter(each => each !== name),
      }
    } finally {
      await reader.close()
    }
  },
  plan: ({ args, facts: { name, row, places, unread, settled, others } }) => {
    if (settled) {
      return {
        kind: 'unchanged',
        result: { name: '', row: 'absent' as const, removed: [], lifted: false, warnings: [] },
        message: 'nothing was made, or it is dropped already',
      }
    }
    const missing = unread.filter(({ host }) => !(args.allow_missing ?? []).includes(host))
    if (name !== null && row === 'none' && places.length === 0 && missing.length === 0) {
      return {
        kind: 'unchanged',
        result: {
          name,
          row: 'absent' as const,
          removed: [],
          lifted: false,
          warnings: warningsOf(others),
        },
        message: `${name} is not there`,
      }
    }
    const what = name ?? others[0]
    const first: Change = {
      action: 'call',
      target:
        what === undefined
          ? `dropSnapshot of what ${args.cluster} made and did not say`
          : `dropSnapshot ${what} of ${args.cluster}`,
      destructive: true,
      notes: [
        ...(what === undefined
          ? ['nothing is new: a backup that is still made is waited for']
          : []),
        ...missing.map(({ host, reason }) => `${host}: cannot be looked at: ${reason}`),
        ...(name === null ? [] : warningsOf(others)),
      ],
    }
    const deletes = places.map(
      ({ host, path }): Change => ({ action: 'delete', target: path, host, destructive: true }),
    )
    return {
      kind: 'change',
      changes: [first, ...deletes],
      after: {},
      ...(name === null ? {} : { result: { name } }),
      binding: { drops: what ?? '' },
      ...(what === undefined ? { certainty: 'maybe' as const } : {}),
    }
  },
  apply: async (site, { args, facts }, io) => {
    const cluster = nebulaCluster(site, args.cluster)
    const client = await metaClient(site, args.cluster)
    const allowed = args.allow_missing
    const dropping = { site, cluster, client, ...(allowed ? { allowMissing: allowed } : {}) }
    try {
      if (facts.name !== null) {
        const { name, row, removed } = await dropEverywhere(dropping, facts.name, io)
        const warnings = warningsOf(facts.others)
        return { name, row, removed: [...removed], lifted: false, warnings }
      }
      if (args.since === undefined) throw nothingSaid()
      const kind = args.kind ?? 'backup'
      const { dropped, lifted } = await dropNew(dropping, namesThen(args.since), kind, {
        liftsWrites: 'unless_whole',
        io,
      })
      return {
        name: dropped?.name ?? '',
        row: dropped?.row ?? 'absent',
        removed: [...(dropped?.removed ?? [])],
        lifted,
        warnings: [],
      }
    } finally {
      await client.close()
    }
  },
})

function warningsOf(others: readonly string[]): string[] {
  return others.map(
    name => `${name} is new, too, and is not this run's as far as is known: it is left`,
  )
}

function nothingSaid(): BkpError {
  return new BkpError('schema.invalid', 'nothing says which snapshot is to be dropped', {
    hint: 'give name, created_by, or since (what nebula.snapshots registered before)',
  })
}
