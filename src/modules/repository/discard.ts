import * as Type from 'typebox'
import {
  discards,
  discard as discardTrees,
  requireDiscardable,
} from '../../repository/restore/discard.ts'
import { defineClusterModule } from '../contract.ts'
import { readStaged, type StagedFacts } from './staged/facts.ts'
import { stageArgument } from './staged/stage-argument.ts'

/** What goes where the step does not say: whatever the swap, or its absence, made superfluous. */
const defaultWhat = 'all'

export const discard = defineClusterModule({
  name: 'repository.discard',
  summary: 'Remove the old trees that a swap kept, or trees that were staged and not swapped.',
  destructive: true,
  args: Type.Object(
    {
      stage: stageArgument,
      what: Type.Optional(
        Type.Enum(['old', 'staged', 'all'], {
          default: defaultWhat,
          description: 'Which trees to remove: old ones, staged ones, or both; never a live one.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      id: Type.String({ description: 'The id of the stage.' }),
      discarded: Type.Array(Type.String(), { description: 'What was removed, as host:path.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ stage }) => [`stage:${stage.id}`],
  inspect: async (site, { stage }, io): Promise<StagedFacts> =>
    await readStaged(site.hosts, stage, io),
  plan: ({ args, facts: { trees } }) => {
    const { id } = args.stage
    const what = args.what ?? defaultWhat
    const [first, ...others] = wanted(trees, what).map(({ host, path }) => ({
      action: 'delete' as const,
      target: path,
      host,
      destructive: true,
    }))
    if (first === undefined) {
      return {
        kind: 'unchanged',
        result: { id, discarded: [] },
        message: 'nothing is left to remove',
      }
    }
    requireDiscardable(id, trees, what)
    const changes = [first, ...others] as const
    const discarded = changes.map(({ host, target }) => `${host}:${target}`)
    const binding = { removes: discarded }
    return { kind: 'change', changes, after: {}, result: { id, discarded }, binding }
  },
  apply: async (site, { args }, io) => {
    const { id } = args.stage
    const what = args.what ?? defaultWhat
    const { trees } = await readStaged(site.hosts, args.stage, io)
    const discarded = wanted(trees, what).map(({ host, path }) => `${host}:${path}`)
    const options = { id, run: site.run.id, keepUntil: site.run.clock.now() }
    await discardTrees(site.hosts, trees, what, options, io)
    return { id, discarded }
  },
})

function wanted(
  trees: StagedFacts['trees'],
  what: 'old' | 'staged' | 'all',
): readonly { readonly host: string; readonly path: string }[] {
  return trees.flatMap(tree => {
    const kind = discards(tree, what)
    if (kind === undefined) return []
    return [{ host: tree.host, path: kind === 'old' ? tree.paths.old : tree.paths.staged }]
  })
}
