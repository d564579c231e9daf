import * as Type from 'typebox'
import { planOwn } from '../../repository/restore/own/plan-own.ts'
import type { OwnTree } from '../../repository/restore/own/trees.ts'
import { clusterName, hostPath, nameList } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { stageFields } from '../repository/staged/stage-argument.ts'
import { applyOwnStage, decideOwnStage, type OwnStageFacts } from './restoring/own-stage.ts'
import { nebulaCluster } from './shared/cluster.ts'

/** What the records say in place of a backup. */
const name = 'empty'

export const stageEmpty = defineClusterModule({
  name: 'nebula.stage_empty',
  summary:
    'Build empty folders beside folders that a restore has to set aside, for repository.swap.',
  args: Type.Object(
    {
      cluster: clusterName(),
      targets: Type.Record(Type.String(), Type.Array(hostPath('A folder.')), {
        description:
          'Folders by host of the inventory, as nebula.restore_plan names them; those that are empty or not there are left out.',
      }),
      allow_missing: Type.Optional(nameList('Hosts that may be missing.')),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(stageFields, { additionalProperties: false }),
  resources: ({ targets }) => [
    ...new Set(Object.values(targets).flatMap(paths => paths.map(path => `below:${path}`))),
  ],
  inspect: async (site, args, io): Promise<OwnStageFacts> => {
    nebulaCluster(site, args.cluster)
    return { name, trees: await planOwn(site.hosts, treesOf(args.targets), io) }
  },
  plan: ({ facts }) => decideOwnStage(facts),
  apply: async (site, { args }, io) => await applyOwnStage(site, name, treesOf(args.targets), io),
})

function treesOf(targets: Readonly<Record<string, readonly string[]>>): readonly OwnTree[] {
  return Object.entries(targets).flatMap(([host, paths]) =>
    paths.map(target => ({ host, target, content: { kind: 'folder' } })),
  )
}
