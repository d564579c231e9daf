import { throwFaults } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { holdTree, type StagedTree } from '../hold-tree.ts'
import { forEachHost, hostNamed } from '../hosts.ts'
import { parentOf } from '../live.ts'
import { readOnlyFaults } from '../space.ts'
import { syncTree } from '../stage-commands.ts'
import { stagingPaths } from '../staging.ts'
import { buildOwn } from './build.ts'
import { ownSpaceNeed } from './plan-own.ts'
import type { PlannedOwnTree } from './trees.ts'

export interface OwnStageOptions {
  /** From `stageId`. */
  readonly id: string
  readonly run: string
  /** What the records say in place of a backup's name: where the trees come from. */
  readonly name: string
}

/**
 * Builds trees beside their targets that no repository has part in, as `stage` builds those of a
 * backup: the same holders, records and states, so that swap, unswap and discard work on them
 * unchanged. Hosts side by side. What an interrupted stage of the same id left is removed first.
 * @throws restore.*, command.failed, ssh.*
 */
export async function stageOwn(
  options: OwnStageOptions,
  hosts: readonly Host[],
  planned: readonly PlannedOwnTree[],
  io: Io,
): Promise<Readonly<Record<string, readonly StagedTree[]>>> {
  const wanted = planned.filter(({ isThere }) => !isThere)
  const faults = readOnlyFaults(wanted.map(ownSpaceNeed))
  throwFaults(faults, `${faults.length} targets cannot be written`)
  const names = [...new Set(wanted.map(({ host }) => host))]
  const staged = await forEachHost(names, async name => {
    const host = hostNamed(hosts, name)
    const trees: StagedTree[] = []
    for (const tree of wanted.filter(candidate => candidate.host === name)) {
      trees.push(await stageTree(options, hosts, host, tree, io))
    }
    return [name, trees] as const
  })
  return Object.fromEntries(staged)
}

async function stageTree(
  { id, run, name }: OwnStageOptions,
  hosts: readonly Host[],
  host: Host,
  { live, content }: PlannedOwnTree,
  io: Io,
): Promise<StagedTree> {
  const paths = stagingPaths(id, live.path, live.layout)
  const from = { id, backup: name, repository: '', run }
  return await holdTree({ host, paths, from }, io, async () => {
    const pattern = live.exists ? live.path : parentOf(live.path)
    await buildOwn(host, hosts, content, { staged: paths.staged, pattern }, io)
    await syncTree(host, paths.holder, io)
  })
}

/** Where trees will be staged, known before anything is. */
export function ownStagePlaces(
  id: string,
  planned: readonly PlannedOwnTree[],
): Readonly<Record<string, readonly StagedTree[]>> {
  const places: Record<string, readonly StagedTree[]> = {}
  for (const { host, live, isThere } of planned) {
    if (isThere) continue
    const { staged, old } = stagingPaths(id, live.path, live.layout)
    places[host] = [...(places[host] ?? []), { target: live.path, staged, old }]
  }
  return places
}
