import { hostname } from 'node:os'
import * as Type from 'typebox'
import { isProcessAlive } from '../../base/process-alive.ts'
import { formatBytes, formatDuration, parseDuration } from '../../base/units.ts'
import { findRepository } from '../../repository/repository.ts'
import {
  planVacuum,
  type RetentionPolicy,
  type VacuumPlan,
  vacuum as vacuumRepository,
  type WaitedFor,
} from '../../repository/vacuum/vacuum.ts'
import { clusterName, storageName } from '../arguments.ts'
import { defineClusterModule, type Site } from '../contract.ts'

/** Until when a plan can be cancelled, where the step does not say. */
const defaultQuarantine = '24h'

const days = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, description: `${description}, in days.` }))
const backups = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }))

interface Facts {
  /** Undefined where there is no repository. */
  readonly plan: VacuumPlan | undefined
}

interface Args {
  readonly cluster?: string
  readonly retention_days?: number
  readonly min_retention_days?: number
  readonly max_backups?: number
  readonly min_backups?: number
  readonly quarantine?: string
  readonly accept_clock?: boolean
}

export const vacuum = defineClusterModule({
  name: 'repository.vacuum',
  summary: 'Forget backups by a retention policy, and delete the blocks that no backup needs.',
  args: Type.Object(
    {
      storage: storageName(),
      cluster: Type.Optional(clusterName()),
      retention_days: days('Backups older than this may be forgotten'),
      min_retention_days: days('Backups younger than this are kept in any case'),
      max_backups: backups('Backups beyond the newest so many may be forgotten.'),
      min_backups: backups(
        'The newest so many are kept in any case; 1 where any of the four numbers is given.',
      ),
      quarantine: Type.Optional(
        Type.String({
          pattern: '^\\d+(\\.\\d+)?[smhd]?$',
          default: defaultQuarantine,
          description:
            'How long a plan can be cancelled before anything is deleted: 90s, 30m, 24h, 7d.',
        }),
      ),
      exclusive: Type.Optional(
        Type.Boolean({
          default: false,
          description:
            'Nothing else uses the storage: needed where it does not create objects atomically.',
        }),
      ),
      accept_clock: Type.Optional(
        Type.Boolean({
          default: false,
          description:
            'Go on although the clock here differs from that of the storage or lies before the newest backup.',
        }),
      ),
      confirm: Type.Optional(
        Type.Boolean({
          default: false,
          description: "Whether more than half of a cluster's backups may be forgotten.",
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      forgotten: Type.Array(Type.String(), { description: 'Backups that were forgotten.' }),
      deleted_blocks: Type.Number({ description: 'Number of blocks that were deleted.' }),
      deleted_bytes: Type.Number({ description: 'Bytes of these blocks.' }),
      state: Type.Enum(['none', 'planned', 'sealed', 'closed'], {
        description:
          'How far the newest vacuum is: there was nothing to delete, it waits, or it is done.',
      }),
    },
    { additionalProperties: false },
  ),
  resources: ({ storage }) => [`storage:${storage}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const storage = site.storage(args.storage)
    // The first backup may be a step before this one: then there is nothing to vacuum yet.
    if ((await findRepository(storage, io)) === undefined) return { plan: undefined }
    const options = { storage, clock: site.run.clock, ...scopeOf(site, args) }
    return { plan: await planVacuum(options, io) }
  },
  plan: ({ args, facts: { plan } }) => {
    if (plan === undefined) return idle('none', `${args.storage} holds no backup yet`)
    const { forgotten, open, waiting } = plan
    const isWaiting = open?.state === 'planned' && open.quarantineLeftMs > 0
    const hasGarbage = plan.freeable_blocks > 0 && !isWaiting
    if (forgotten.length === 0 && !hasGarbage && (open === undefined || isWaiting)) {
      return isWaiting
        ? idle('planned', openLine(open))
        : idle('none', 'every block is needed by a backup that stays')
    }
    return {
      kind: 'change',
      changes: [
        {
          action: 'call',
          target: `vacuum ${args.storage}`,
          bytes: plan.freeable_bytes,
          notes: notesOf(plan, args.confirm === true),
        },
      ],
      after: {},
      result: { forgotten: [...forgotten] },
      certainty: waiting.length > 0 && forgotten.length === 0 ? 'maybe' : 'sure',
    }
  },
  apply: async (site, { args }, io) => {
    const result = await vacuumRepository(
      {
        storage: site.storage(args.storage),
        ...scopeOf(site, args),
        clock: site.run.clock,
        random: site.run.random,
        controller: hostname(),
        isAlive: isProcessAlive,
        exclusive: args.exclusive ?? false,
        confirmed: args.confirm ?? false,
      },
      io,
    )
    const { forgotten, deleted_blocks, deleted_bytes, state } = result
    return { forgotten: [...forgotten], deleted_blocks, deleted_bytes, state }
  },
})

/** Nothing is to be done now. */
function idle(state: 'none' | 'planned', message: string) {
  const result = { forgotten: [], deleted_blocks: 0, deleted_bytes: 0, state }
  return { kind: 'unchanged' as const, result, message }
}

function scopeOf(site: Pick<Site, 'cluster'>, args: Args) {
  const cluster = args.cluster === undefined ? undefined : site.cluster(args.cluster)
  return {
    policy: policyOf(args),
    quarantineMs: parseDuration(args.quarantine ?? defaultQuarantine),
    acceptClock: args.accept_clock ?? false,
    ...(cluster === undefined ? {} : { cluster: { name: cluster.name, kind: cluster.kind } }),
  }
}

function policyOf(args: Args): RetentionPolicy {
  return {
    ...(args.retention_days === undefined ? {} : { retentionDays: args.retention_days }),
    ...(args.min_retention_days === undefined ? {} : { minRetentionDays: args.min_retention_days }),
    ...(args.max_backups === undefined ? {} : { maxBackups: args.max_backups }),
    ...(args.min_backups === undefined ? {} : { minBackups: args.min_backups }),
  }
}

function notesOf(facts: VacuumPlan, confirmed: boolean): readonly string[] {
  const { verdicts, losses, open, waiting } = facts
  return [
    ...verdicts.map(
      ({ name, cluster, forget, why }) =>
        `${forget ? 'forgets' : 'keeps'} ${name} (${cluster.name}): ${why}`,
    ),
    ...losses.map(
      loss => `${loss} would go: ${confirmed ? 'confirmed' : 'refused without confirm: true'}`,
    ),
    `${facts.freeable_blocks} blocks (${formatBytes(facts.freeable_bytes)}) are needed by no backup that stays`,
    ...(open === undefined ? [] : [openLine(open)]),
    ...waiting.map(waitingLine),
    ...facts.notes,
  ]
}

function openLine({ number, state, blocks, quarantineLeftMs }: NonNullable<VacuumPlan['open']>) {
  if (state === 'sealed') return `vacuum ${number} is sealed: its ${blocks} blocks are deleted`
  const left =
    quarantineLeftMs > 0 ? `can be cancelled for ${formatDuration(quarantineLeftMs)}` : 'is due'
  return `vacuum ${number} is planned, ${blocks} blocks, and ${left}`
}

function waitingLine({ kind, session, source, since }: WaitedFor): string {
  return `waits for ${kind} ${session} of ${source}, at work since ${since.toISOString()}`
}
