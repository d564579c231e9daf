import * as Type from 'typebox'
import { parseDuration } from '../../base/units.ts'
import type { StagedState } from '../../repository/restore/staged-state.ts'
import { requireSwappable, swap as swapTrees } from '../../repository/restore/swap.ts'
import { duration } from '../arguments.ts'
import { type Change, defineClusterModule } from '../contract.ts'
import { readStaged, type StagedFacts, targetsByHost } from './staged/facts.ts'
import { stageArgument, stagedResources } from './staged/stage-argument.ts'

/** How long an old tree is meant to stay where the step does not say. */
const defaultKeep = '24h'

export const swap = defineClusterModule({
  name: 'repository.swap',
  summary: 'Put staged trees in place by renaming, and keep the old ones beside them.',
  destructive: true,
  args: Type.Object(
    {
      stage: stageArgument,
      keep: Type.Optional(
        duration('How long the old trees are meant to stay.', { default: defaultKeep }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      id: Type.String({ description: 'The id of the stage.' }),
      swapped: Type.Record(Type.String(), Type.Array(Type.String()), {
        description: 'The targets of each host that are in place.',
      }),
      keep_until: Type.String({ description: 'Until when the old trees are meant to stay.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ stage }) => stagedResources(stage),
  inspect: async (site, { stage }, io): Promise<StagedFacts> =>
    await readStaged(site.hosts, stage, io),
  plan: ({ args, facts: { trees } }) => {
    const { id } = args.stage
    const [first, ...others] = trees.filter(({ state }) => state !== 'swapped')
    if (first === undefined) {
      return {
        kind: 'unchanged',
        result: { id, swapped: targetsByHost(trees), keep_until: '' },
        message: trees.length === 0 ? 'nothing was staged' : 'all trees are in place',
      }
    }
    requireSwappable(id, trees)
    return {
      kind: 'change',
      changes: [describe(first), ...others.map(describe)],
      after: {},
      result: { id, swapped: targetsByHost(trees) },
      binding: { targets: trees.map(({ host, paths }) => `${host}:${paths.target}`) },
    }
  },
  apply: async (site, { args }, io) => {
    const { id } = args.stage
    const { trees } = await readStaged(site.hosts, args.stage, io)
    const keepMs = parseDuration(args.keep ?? defaultKeep)
    const keepUntil = new Date(site.run.clock.now().getTime() + keepMs)
    await swapTrees(site.hosts, trees, { id, run: site.run.id, keepUntil }, io)
    return { id, swapped: targetsByHost(trees), keep_until: keepUntil.toISOString() }
  },
  recover: async (site, { args }, io) => {
    const { trees } = await readStaged(site.hosts, args.stage, io)
    // Half a swap is completed by running it again, from the states on the disks.
    if (trees.some(({ state }) => state !== 'swapped')) return { state: 'not_started' }
    const result = { id: args.stage.id, swapped: targetsByHost(trees), keep_until: '' }
    return { state: 'done', result }
  },
})

function describe({ host, paths, hasTarget }: StagedState): Change {
  return {
    action: hasTarget ? 'update' : 'create',
    target: paths.target,
    host,
    destructive: true,
    availability: 'swap',
    notes: hasTarget
      ? [`the tree that is there now is kept at ${paths.old}`]
      : ['nothing is there now'],
  }
}
