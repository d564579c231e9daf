import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { content, file, output } from '../../connection/probes.ts'
import type { StagedTree } from './hold-tree.ts'
import { forEachHost, hostNamed } from './hosts.ts'
import { parseStageRecord, parseSwapRecord, type StageRecord, type SwapState } from './records.ts'
import { type StagingPaths, stagedPaths } from './staging.ts'

/** What `repository.stage` gave: which trees lie staged where. */
export interface Stage {
  /** Empty where nothing differed. */
  readonly id: string
  readonly backup: string
  readonly hosts: Readonly<Record<string, readonly StagedTree[]>>
}

/** What the disk says of one staged tree; from nothing else is decided what is done with it. */
export interface StagedState {
  readonly host: string
  readonly paths: StagingPaths
  /** `foreign`: a link, or a folder of someone else, or open to others. */
  readonly holder: 'absent' | 'ours' | 'foreign'
  /** Undefined where there is none, or one that cannot be read. */
  readonly record: StageRecord | undefined
  /** Where the swap stands; undefined where its record cannot be read. */
  readonly state: SwapState | undefined
  /** Inode of the staged tree's root; undefined where there is none. */
  readonly newInode: string | undefined
  readonly hasOld: boolean
  readonly hasTarget: boolean
}

/** Records are small; anything longer is none. */
const recordLimitBytes = 16 * 1024

/** Reads the records on the hosts. @throws restore.target_invalid, cluster.hosts_missing, ssh.* */
export async function readStagedStates(
  hosts: readonly ReadOnlyHost[],
  stage: Stage,
  io: Io,
): Promise<readonly StagedState[]> {
  const wanted = Object.entries(stage.hosts).map(([name, trees]) => ({
    host: hostNamed(hosts, name),
    trees: trees.map(({ target, staged }) => stagedPaths(stage.id, target, staged)),
  }))
  const states = await forEachHost(wanted, async ({ host, trees }) => {
    const own: StagedState[] = []
    for (const paths of trees) own.push(await readStagedState(host, paths, io))
    return own
  })
  return states.flat()
}

async function readStagedState(
  host: ReadOnlyHost,
  paths: StagingPaths,
  io: Io,
): Promise<StagedState> {
  const facts = await host.ask(
    {
      user: output('id', '-u'),
      holder: file(paths.holder),
      stageFile: file(paths.stageRecord),
      stage: content(paths.stageRecord, recordLimitBytes),
      swapFile: file(paths.swapRecord),
      swap: content(paths.swapRecord, recordLimitBytes),
      staged: file(paths.staged),
      old: file(paths.old),
      target: file(paths.target),
    },
    io,
  )
  const { holder, stage, swap } = facts
  const isOurs =
    holder.kind === 'directory' &&
    String(holder.uid) === facts.user.stdout.trim() &&
    holder.mode === '0700'
  const swapState =
    facts.swapFile.kind === 'absent'
      ? 'staged'
      : swap === undefined || facts.swapFile.kind !== 'file'
        ? undefined
        : parseSwapRecord(swap.bytes)?.state
  return {
    host: host.name,
    paths,
    holder: holder.kind === 'absent' ? 'absent' : isOurs ? 'ours' : 'foreign',
    record:
      stage === undefined || facts.stageFile.kind !== 'file'
        ? undefined
        : parseStageRecord(stage.bytes),
    state: swapState,
    newInode: facts.staged.kind === 'absent' ? undefined : facts.staged.inode,
    hasOld: facts.old.kind !== 'absent',
    hasTarget: facts.target.kind !== 'absent',
  }
}
