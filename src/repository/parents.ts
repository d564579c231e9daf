import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { type BlockTable, createBlockTable } from './block-table.ts'
import {
  type ClusterIdentity,
  clusterOf,
  isComplete,
  isSameCluster,
  listRegisters,
  readRegister,
} from './catalogue.ts'
import { failedCheck } from './checks.ts'
import { decodeFile, encodeFile } from './file-codec.ts'
import type { GarbageState } from './garbage.ts'
import { type BackupFile, BackupFile_Type, BackupManifest_State } from './manifest_pb.ts'
import type { BackupName } from './names.ts'
import { createPackUsage, type PackUsage } from './pack-usage.ts'
import { namedBlocks, readBlockList, readFileEntries } from './read.ts'
import type { Backup, Repository } from './repository.ts'
import type { Scratch } from './scratch.ts'
import { createValueSorter, type SortCodec, type ValueSorter } from './sorter.ts'

/** Which backup the new one builds on: the newest complete one of the cluster, none, or a name. */
export type ParentChoice = 'auto' | 'none' | BackupName

/** The backups whose files and blocks may be used again. */
export interface Parents {
  /** What the manifest names as its parent. */
  readonly parent: Backup | undefined
  /** A checkpoint of a run that did not end, newer than the parent: this run continues it. */
  readonly continues: Backup | undefined
  readonly warnings: readonly string[]
}

/** Chooses among live backups. @throws repository.backup_not_found for a name that is not live */
export async function chooseParents(
  repo: Repository,
  choice: ParentChoice,
  cluster: ClusterIdentity,
  io: Io,
): Promise<Parents> {
  const warnings: string[] = []
  let continues: Backup | undefined
  if (choice === 'none') return { parent: undefined, continues, warnings }
  const live = (await listRegisters(repo, io)).filter(({ forgotten }) => !forgotten)
  if (choice !== 'auto') return { parent: await named(repo, choice, live, io), continues, warnings }
  for (const { name } of live.toReversed()) {
    const manifest = await readOrWarn(repo, name, warnings, io)
    if (manifest === undefined || !isSameCluster(clusterOf(manifest), cluster)) continue
    if (manifest.state === BackupManifest_State.PARTIAL) continues ??= { name, manifest }
    else if (isComplete(manifest)) {
      if (await failedCheck(repo, name, io)) {
        warnings.push(`backup ${name} failed its last verification and is not built upon`)
        continue
      }
      return { parent: { name, manifest }, continues, warnings }
    }
  }
  return { parent: undefined, continues, warnings }
}

async function named(
  repo: Repository,
  name: BackupName,
  live: readonly { readonly name: BackupName }[],
  io: Io,
): Promise<Backup> {
  const isLive = live.some(entry => entry.name === name)
  const manifest = isLive ? await readRegister(repo, name, io) : undefined
  if (manifest !== undefined) return { name, manifest }
  throw new BkpError('repository.backup_not_found', `${repo.url} holds no live backup ${name}`, {
    hint: 'a parent must be listed and not forgotten; "auto" takes the newest complete one',
    details: { backup: name },
  })
}

/** A damaged manifest must not keep new backups from being made. */
async function readOrWarn(
  repo: Repository,
  name: BackupName,
  warnings: string[],
  io: Io,
): ReturnType<typeof readRegister> {
  try {
    return await readRegister(repo, name, io)
  } catch (error) {
    if (!(error instanceof BkpError) || !error.code.startsWith('repository.')) throw error
    warnings.push(`backup ${name} is not built upon: ${error.message}`)
    return undefined
  }
}

/** What was read of the parents. */
export interface KnownContent {
  /** Blocks that may be named again: live, not condemned. */
  readonly live: BlockTable
  /** The files of a host, sorted by path; the checkpoint's first, then the parent's. */
  filesOf(host: string): readonly AsyncIterable<BackupFile>[]
  /** Whether a file of the parent lies in a pack that the parent uses less than half of. */
  isSparse(file: BackupFile): boolean
  readonly warnings: readonly string[]
}

/**
 * Reads what the parents hold: their blocks into a table, their files into scratch room by host. A
 * parent that cannot be read whole is left out with a warning.
 */
export async function loadParents(
  repo: Repository,
  parents: Parents,
  hosts: ReadonlySet<string>,
  garbage: GarbageState,
  scratch: Scratch,
  io: Io,
): Promise<KnownContent> {
  const live = createBlockTable()
  // Not of a checkpoint: it names only the files it came to.
  const usage = createPackUsage()
  const trees: ReadonlyMap<string, ValueSorter<BackupFile>>[] = []
  const warnings: string[] = []
  for (const backup of [parents.continues, parents.parent]) {
    if (backup === undefined) continue
    try {
      const count = backup === parents.parent ? usage.count : undefined
      const files = await filesByHost(repo, backup, hosts, { scratch, count }, io)
      await addBlocks(repo, backup, garbage, live, io)
      trees.push(files)
    } catch (error) {
      if (!(error instanceof BkpError) || !error.code.startsWith('repository.')) throw error
      warnings.push(`backup ${backup.name} is not built upon: ${error.message}`)
    }
  }
  return Object.freeze({
    live,
    warnings,
    isSparse: usage.isSparse,
    filesOf: (host: string) =>
      trees.flatMap(files => {
        const own = files.get(host)
        return own === undefined ? [] : [own.sorted()]
      }),
  })
}

async function addBlocks(
  repo: Repository,
  backup: Backup,
  garbage: GarbageState,
  live: BlockTable,
  io: Io,
): Promise<void> {
  const add = (block: { blockId: string; blockSize: bigint; generation: number }): void => {
    if (garbage.isCondemned(block)) return
    const fact = { generation: block.generation, sizeBytes: Number(block.blockSize) }
    live.add(Buffer.from(block.blockId, 'hex'), fact)
  }
  for (const block of namedBlocks(backup.manifest)) add(block)
  for await (const block of readBlockList(repo, backup, io)) add(block)
}

/** Files of an earlier backup by their path; what an entry takes is about what its objects take. */
const fileCodec: SortCodec<BackupFile> = {
  key: ({ path }) => path,
  sizeBytes: ({ path, blocks }) => 1000 + path.length + 300 * blocks.length,
  encode: encodeFile,
  decode: decodeFile,
}

async function filesByHost(
  repo: Repository,
  backup: Backup,
  hosts: ReadonlySet<string>,
  { scratch, count }: { readonly scratch: Scratch; readonly count: PackUsage['count'] | undefined },
  io: Io,
): Promise<ReadonlyMap<string, ValueSorter<BackupFile>>> {
  const trees = new Map<string, ValueSorter<BackupFile>>()
  for await (const file of readFileEntries(repo, backup, io)) {
    if (file.type !== BackupFile_Type.FILE || !hosts.has(file.host)) continue
    const tree = trees.get(file.host) ?? createValueSorter(scratch, fileCodec)
    trees.set(file.host, tree)
    count?.(file)
    await tree.add(file)
  }
  return trees
}
