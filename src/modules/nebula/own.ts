import * as Type from 'typebox'
import type { Io } from '../../base/io.ts'
import type { Command, Host, ReadOnlyHost } from '../../connection/contract.ts'
import { hostNamed } from '../../repository/restore/hosts.ts'
import type { StagedState } from '../../repository/restore/staged-state.ts'
import { runCommand } from '../apply-commands.ts'
import { clusterName } from '../arguments.ts'
import { type Change, defineClusterModule } from '../contract.ts'
import { readStaged, targetsByHost } from '../repository/staged/facts.ts'
import {
  type StageArgument,
  stageArgument,
  stagedResources,
} from '../repository/staged/stage-argument.ts'
import { nebulaCluster } from './shared/cluster.ts'

interface Facts {
  /** Whom the services run as; undefined where the inventory does not say. */
  readonly user: string | undefined
  readonly trees: readonly StagedState[]
}

export const own = defineClusterModule({
  name: 'nebula.own',
  summary: 'Give staged trees to the service_user of a cluster, before they are swapped in.',
  args: Type.Object(
    {
      cluster: clusterName(),
      stages: Type.Array(stageArgument, {
        description: 'What repository.stage and nebula.stage_empty returned.',
      }),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      user: Type.String({ description: 'Whose they are now; empty where nobody is named.' }),
      trees: Type.Record(Type.String(), Type.Array(Type.String()), {
        description: 'By host: the targets whose staged trees are theirs.',
      }),
    },
    { additionalProperties: false },
  ),
  resources: ({ stages }) => [...new Set(stages.flatMap(stagedResources))],
  inspect: async (site, { cluster, stages }, io): Promise<Facts> => {
    const user = nebulaCluster(site, cluster).settings.service_user
    return { user, trees: user === undefined ? [] : await readStages(site.hosts, stages, io) }
  },
  plan: ({ facts: { user = '', trees } }) => {
    const [first, ...others] = trees.map(tree => describe(tree, user))
    if (first === undefined) {
      const message =
        user === '' ? 'owners are those of the backup: no service_user' : 'nothing is staged'
      return { kind: 'unchanged', result: { user, trees: {} }, message }
    }
    return {
      kind: 'change',
      changes: [first, ...others],
      after: {},
      result: { user, trees: targetsByHost(trees) },
      binding: { user, trees: trees.map(({ host, paths }) => `${host}:${paths.target}`) },
    }
  },
  apply: async (site, { args, facts: { user = '' } }, io) => {
    const trees = await readStages(site.hosts, args.stages, io)
    await Promise.all(
      trees.map(tree => giveTo(hostNamed(site.hosts, tree.host), tree.paths.staged, user, io)),
    )
    return { user, trees: targetsByHost(trees) }
  },
  // Given twice they are still the same user's.
  recover: async () => ({ state: 'not_started' }),
})

/** Trees that are still beside their targets. */
async function readStages(
  hosts: readonly ReadOnlyHost[],
  stages: readonly StageArgument[],
  io: Io,
): Promise<readonly StagedState[]> {
  const found = await Promise.all(stages.map(stage => readStaged(hosts, stage, io)))
  return found.flatMap(({ trees }) =>
    trees.filter(({ state, holder }) => state === 'staged' && holder === 'ours'),
  )
}

async function giveTo(host: Host, staged: string, user: string, io: Io): Promise<void> {
  await runCommand(host, commandOf(staged, user), io)
}

/**
 * A file with several names is a live one that was reused: the services have it already, and whose it is
 * is not changed under them.
 */
function commandOf(staged: string, user: string): Command {
  const script = `find "$1" '(' -type d -o -links 1 ')' ! -user "$2" -exec chown -h "$2:" {} +`
  return { argv: ['/bin/sh', '-c', script, 'sh', staged, user] }
}

function describe({ host, paths }: StagedState, user: string): Change {
  return {
    action: 'update',
    target: paths.staged,
    host,
    notes: [`what is not ${user}'s becomes theirs; files shared with ${paths.target} stay`],
  }
}
