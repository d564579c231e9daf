import * as Type from 'typebox'
import {
  isUnswapPending,
  requireUnswappable,
  unswap as unswapTrees,
} from '../../repository/restore/unswap.ts'
import { defineClusterModule } from '../contract.ts'
import { readStaged, type StagedFacts, targetsByHost } from './staged/facts.ts'
import { stageArgument, stagedResources } from './staged/stage-argument.ts'

export const unswap = defineClusterModule({
  name: 'repository.unswap',
  summary: 'Put the old trees back that a swap replaced; the new ones stay staged.',
  destructive: true,
  args: Type.Object({ stage: stageArgument }, { additionalProperties: false }),
  returns: Type.Object(
    {
      id: Type.String({ description: 'The id of the stage.' }),
      restored: Type.Record(Type.String(), Type.Array(Type.String()), {
        description: 'The targets of each host that were put back.',
      }),
    },
    { additionalProperties: false },
  ),
  resources: ({ stage }) => stagedResources(stage),
  inspect: async (site, { stage }, io): Promise<StagedFacts> =>
    await readStaged(site.hosts, stage, io),
  plan: ({ args, facts: { trees } }) => {
    const pending = trees.filter(isUnswapPending)
    const [first, ...others] = pending.map(({ host, paths }) => ({
      action: 'update' as const,
      target: paths.target,
      host,
      destructive: true,
      availability: 'swap' as const,
      notes: [`the old tree comes back; the new one stays at ${paths.staged}`],
    }))
    if (first === undefined) {
      const gone = trees.filter(({ holder }) => holder === 'absent').length
      return {
        kind: 'unchanged',
        result: { id: args.stage.id, restored: {} },
        message:
          gone > 0
            ? `nothing is left of ${gone} staged trees: nothing was put back`
            : 'no tree was swapped',
      }
    }
    requireUnswappable(trees)
    return {
      kind: 'change',
      changes: [first, ...others],
      after: {},
      result: { id: args.stage.id, restored: targetsByHost(pending) },
      binding: { targets: pending.map(({ host, paths }) => `${host}:${paths.target}`) },
    }
  },
  apply: async (site, { args }, io) => {
    const { id } = args.stage
    const { trees } = await readStaged(site.hosts, args.stage, io)
    const options = { id, run: site.run.id, keepUntil: site.run.clock.now() }
    await unswapTrees(site.hosts, trees, options, io)
    return { id, restored: targetsByHost(trees.filter(isUnswapPending)) }
  },
  recover: async (site, { args, before }, io) => {
    const { trees } = await readStaged(site.hosts, args.stage, io)
    if (trees.some(isUnswapPending)) return { state: 'not_started' }
    const restored = targetsByHost(before.trees.filter(isUnswapPending))
    return { state: 'done', result: { id: args.stage.id, restored } }
  },
})
