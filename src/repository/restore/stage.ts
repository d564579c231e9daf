import pLimit, { type LimitFunction } from 'p-limit'
import { throwFaults } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import type { ReadOnlyStorage } from '../../storage/contract.ts'
import { BackupFile_Type } from '../manifest_pb.ts'
import type { Backup, Repository } from '../repository.ts'
import { createScratch, type Scratch } from '../scratch.ts'
import type { Workers } from '../workers/contract.ts'
import { createWorkers } from '../workers/pool.ts'
import { differs, type HostAbilities } from './compare.ts'
import type { DirectWay } from './direct/fetch.ts'
import { rootType } from './entries.ts'
import { holdTree, type StagedTree } from './hold-tree.ts'
import { forEachHost, hostNamed, hostsAtATime } from './hosts.ts'
import { type PlannedTarget, readAbilities, spaceNeed } from './plan-stage.ts'
import { noFiles } from './sorted-tree.ts'
import { readOnlyFaults } from './space.ts'
import { syncTree } from './stage-commands.ts'
import { fetchRest, finishFolders, type Reading, type Staging } from './stage-fetch.ts'
import { reuseLive } from './stage-reuse.ts'
import { checkStaged } from './stage-verify.ts'
import { stagingPaths } from './staging.ts'

export interface StageOptions {
  readonly repo: Repository
  readonly backup: Backup
  /** The run that stages, for the records. */
  readonly run: string
  /** From `stageId`. */
  readonly id: string
  /** Threads that check blocks; by default the stage has its own, and ends them. */
  readonly workers?: Workers
  /** Hosts that get blocks by themselves, and how. */
  readonly direct?: ReadonlyMap<string, DirectWay>
  /** Told what the reader should know. */
  readonly warn?: (warning: string) => void
  /** What the others' blocks come through; by default the repository's own storage. */
  readonly storageOf?: (host: string) => ReadOnlyStorage
}

/**
 * Builds every tree that differs beside its target; live trees are only read. Hosts side by side, the
 * targets of one host in turn. What an interrupted stage of the same id left behind is removed first.
 * A failure removes what its host had staged, where the host still answers.
 * @throws restore.*, repository.block_missing, repository.block_corrupt, ssh.*
 */
export async function stage(
  options: StageOptions,
  hosts: readonly Host[],
  planned: readonly PlannedTarget[],
  io: Io,
): Promise<Readonly<Record<string, readonly StagedTree[]>>> {
  const wanted = planned.filter(({ difference }) => differs(difference))
  const faults = readOnlyFaults(wanted.map(spaceNeed))
  throwFaults(faults, `${faults.length} targets cannot be written`)
  const names = [...new Set(wanted.map(({ host }) => host))]
  const progressOf = createProgress(wanted, io)
  const scratch = createScratch()
  const workers = options.workers ?? createWorkers()
  const readers = Math.min(hostsAtATime, Math.max(1, names.length))
  const lanes = { relay: pLimit(hostsAtATime), direct: pLimit(directHostsAtATime) }
  const laneOf = (name: string): LimitFunction =>
    options.direct?.has(name) === true ? lanes.direct : lanes.relay
  const common = {
    scratch,
    reading: { workers, blocksAhead: Math.max(2, Math.floor(mostBlocksAhead / readers)) },
  }
  try {
    const stageHost = async (name: string) => {
      const host = hostNamed(hosts, name)
      const can = await readAbilities(host, io)
      const progress = progressOf(name)
      const trees: StagedTree[] = []
      for (const target of wanted.filter(candidate => candidate.host === name)) {
        trees.push(await stageTarget(options, { ...common, host, can, target, progress }, io))
      }
      return [name, trees] as const
    }
    return Object.fromEntries(await forEachHost(names, stageHost, laneOf))
  } finally {
    if (options.workers === undefined) await workers.close()
    await scratch.close()
  }
}

/** Hosts that get blocks by themselves at a time: their blocks are not in our memory. */
export const directHostsAtATime = 16

/**
 * Blocks read ahead or under way, of all hosts together: what bounds the memory of a restore. Two of each
 * host are its least: one comes while the other goes.
 */
const mostBlocksAhead = 8

/** Counts fetched bytes of each host and over all of them. */
function createProgress(
  wanted: readonly PlannedTarget[],
  io: Io,
): (host: string) => (bytes: number) => void {
  const sum = (targets: readonly PlannedTarget[]): number =>
    targets.reduce((bytes, { difference }) => bytes + difference.fetchBytes, 0)
  const total = sum(wanted)
  let done = 0
  return host => {
    const totalBytes = sum(wanted.filter(target => target.host === host))
    let doneBytes = 0
    return bytes => {
      done += bytes
      doneBytes += bytes
      io.progress(done, total, { host, doneBytes, totalBytes })
    }
  }
}

interface TargetWork {
  readonly host: Host
  readonly reading: Reading
  readonly scratch: Scratch
  readonly can: HostAbilities
  readonly target: PlannedTarget
  readonly progress: (bytes: number) => void
}

async function stageTarget(options: StageOptions, work: TargetWork, io: Io): Promise<StagedTree> {
  const { host, target } = work
  const { path, layout } = target.live
  const paths = stagingPaths(options.id, path, layout)
  const direct = options.direct?.get(host.name)
  const storage = options.storageOf?.(host.name)
  const type = (await rootType(options.repo, options.backup, target, io)) ?? BackupFile_Type.FILE
  const staging: Staging = {
    repo: storage === undefined ? options.repo : { ...options.repo, storage },
    backup: options.backup,
    host,
    target,
    paths,
    can: work.can,
    scratch: work.scratch,
    isFolder: type === BackupFile_Type.DIRECTORY,
    ...(direct === undefined ? {} : { direct }),
    warn: options.warn ?? (() => {}),
  }
  const from = {
    id: options.id,
    backup: options.backup.name,
    repository: options.repo.id,
    run: options.run,
  }
  return await holdTree({ host, paths, from }, io, async () => {
    const have = staging.isFolder ? await reuseLive(staging, io) : noFiles
    await fetchRest(staging, have, work.reading, work.progress, io)
    await finishFolders(staging, io)
    await syncTree(host, paths.holder, io)
    await checkStaged(staging, io)
  })
}
