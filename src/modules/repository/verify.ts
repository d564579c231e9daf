import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { parseDuration } from '../../base/units.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { openRepository } from '../../repository/repository.ts'
import {
  type VerifyFault,
  type VerifyResult,
  verify as verifyBackups,
} from '../../repository/verify.ts'
import { clusterName, storageName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'

/** Faults that the error itself lists; its details hold all. */
const shownLimit = 10
/** Files that one line names. */
const shownFiles = 3

interface Facts {
  /** The name of the backup; undefined for all. */
  readonly backup: string | undefined
  /** Without a backup: the cluster whose backups are verified. */
  readonly cluster?: string
  readonly budgetMs?: number
  readonly url: string
}

export const verify = defineClusterModule({
  name: 'repository.verify',
  summary: 'Check that backups can be restored, and fail where they cannot.',
  args: Type.Object(
    {
      storage: storageName(),
      backup: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'A name, a unique beginning of one, or latest; all backups without it.',
        }),
      ),
      cluster: Type.Optional(clusterName()),
      budget: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'Stop after that time (10m, 2h) and say how far it came; the next one goes on from there.',
        }),
      ),
      read_data: Type.Optional(
        Type.Unsafe<boolean | number>({
          anyOf: [{ type: 'boolean' }, { type: 'number', exclusiveMinimum: 0, maximum: 100 }],
          default: false,
          description:
            'Whether blocks are read and hashed, or the percentage of them; otherwise only that they are there with their size.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      checked: Type.Object(
        {
          backups: Type.Number({ description: 'Number of backups.' }),
          blocks: Type.Number({ description: 'Number of blocks.' }),
          bytes: Type.Number({ description: 'Bytes of these blocks.' }),
        },
        { additionalProperties: false, description: 'How much was checked.' },
      ),
      budget: Type.Optional(
        Type.Object(
          {
            complete: Type.Boolean({ description: 'Whether everything was checked in time.' }),
            backups_left: Type.Number({ description: 'Backups whose lists were not read.' }),
            reached_end: Type.Boolean({
              description: 'Whether it came to the end of all and went on at the beginning.',
            }),
            passed_bytes: Type.Number({ description: 'Bytes up to where it ended.' }),
            total_bytes: Type.Number({ description: 'Bytes of all blocks.' }),
            runs_left: Type.Union([Type.Number(), Type.Null()], {
              description: 'About how many more like it come to the end; null where not known.',
            }),
          },
          { additionalProperties: false, description: 'How far it came, where it had a budget.' },
        ),
      ),
    },
    { additionalProperties: false },
  ),
  resources: ({ storage }) => [`storage:${storage}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const storage = site.storage(args.storage)
    const repo = await openRepository(storage, io)
    const budgetMs = args.budget === undefined ? undefined : parseDuration(args.budget)
    if (budgetMs !== undefined && typeof args.read_data === 'number') {
      throw new BkpError('schema.invalid', 'budget reads as much as there is time for', {
        hint: 'write read_data: true, without a percentage',
      })
    }
    const common = { url: storage.url, ...(budgetMs === undefined ? {} : { budgetMs }) }
    const cluster = args.cluster === undefined ? undefined : site.cluster(args.cluster)
    if (args.backup === undefined) {
      return {
        ...common,
        backup: undefined,
        ...(cluster === undefined ? {} : { cluster: cluster.name }),
      }
    }
    const query = {
      backup: args.backup,
      ...(cluster === undefined ? {} : { cluster: { name: cluster.name, kind: cluster.kind } }),
    }
    return { ...common, backup: (await resolveBackup(repo, query, io)).name }
  },
  plan: ({ args, facts }) => {
    const how =
      args.read_data === undefined || args.read_data === false
        ? 'presence and size of every block'
        : args.read_data === true
          ? 'the bytes of every block'
          : `the bytes of ${args.read_data} % of the blocks`
    return {
      kind: 'change',
      changes: [
        {
          action: 'call',
          target: `verify ${facts.backup ?? which(facts)} in ${args.storage}`,
          notes: [
            `checks ${how}, and records the outcome in the storage`,
            ...(args.budget === undefined
              ? []
              : [`for ${args.budget} at most; the next one goes on from there`]),
          ],
        },
      ],
      after: {},
    }
  },
  apply: async (site, { args, facts }, io) => {
    const storage = site.storage(args.storage)
    const repo = await openRepository(storage, io)
    const result = await verifyBackups(
      repo,
      {
        ...(facts.backup === undefined ? {} : { backup: facts.backup }),
        ...(facts.cluster === undefined ? {} : { cluster: facts.cluster }),
        ...(facts.budgetMs === undefined ? {} : { budgetMs: facts.budgetMs }),
        readData: args.read_data ?? false,
        clock: site.run.clock,
        random: site.run.random,
        record: storage,
      },
      io,
    )
    if (result.errors.length > 0) throw damaged(facts.url, result)
    const { checked, budget } = result
    return { checked: { ...checked }, ...(budget === undefined ? {} : { budget: { ...budget } }) }
  },
})

function which({ cluster }: Facts): string {
  return cluster === undefined ? 'all backups' : `all backups of ${cluster}`
}

function damaged(url: string, { errors, checked }: VerifyResult): BkpError {
  const shown = errors.slice(0, shownLimit).map(line)
  const more = errors.length - shown.length
  const tail = more > 0 ? [`... and ${more} more`] : []
  return new BkpError(
    'repository.damaged',
    [`${url}: ${errors.length} errors in ${checked.backups} backups`, ...shown, ...tail].join('\n'),
    {
      hint: 'do not vacuum; restore other backups, and take a new one, which stores what is missing',
      details: { errors },
    },
  )
}

function line({ message, block, files, backups }: VerifyFault): string {
  const named = files.slice(0, shownFiles).join(', ')
  const more = files.length > shownFiles ? ` and ${files.length - shownFiles} more` : ''
  return [
    `  ${message}`,
    block === '' ? '' : `block ${block}`,
    named === '' ? '' : `files ${named}${more}`,
    `backups ${backups.join(', ')}`,
  ]
    .filter(part => part !== '')
    .join('; ')
}
