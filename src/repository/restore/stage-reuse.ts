import type { Io } from '../../base/io.ts'
import { walkTree } from '../../connection/probes.ts'
import { relativeTo } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import { sourceEntry } from '../planes/walk.ts'
import type { SourceEntry } from '../source.ts'
import { canShare, compareEntry, compareLive, type Unsure } from './compare.ts'
import { targetEntries } from './entries.ts'
import { readLive } from './live.ts'
import { haveSameContent } from './same-content.ts'
import { follow, noFiles, type Reused, type SortedTree, sortTree } from './sorted-tree.ts'
import {
  copyFiles,
  createPathList,
  linkFiles,
  makeFolders,
  metadataRecord,
  type PathList,
  removeFiles,
  setMetadata,
} from './stage-commands.ts'
import type { Staging } from './stage-fetch.ts'

/** What is done with the files of the live tree that can serve. */
interface Reuse {
  readonly folders: PathList
  readonly links: PathList
  readonly copies: PathList
  /** Of copies whose mode, owner or mtime is another. */
  readonly adjusted: PathList
}

/**
 * Makes the staged folders, and in them what the live tree can give: immutable files as hard links,
 * others as copies. The cluster may still be running: what was not what it seemed is found by looking
 * at both trees afterwards, taken away again, and left to be fetched. Gives the files that are right.
 */
export async function reuseLive(staging: Staging, io: Io): Promise<Reused> {
  const { host, target, paths, scratch } = staging
  const live = (): Promise<SortedTree> => sortTree(scratch, readLive(host, target.live, io))
  const before = await live()
  const reuse = await decideReuse(staging, before, io)
  await makeFolders(host, paths.staged, reuse.folders, io)
  await linkFiles(host, target.live.path, paths.staged, reuse.links, io)
  await copyFiles(host, target.live.path, paths.staged, reuse.copies, io)
  await setMetadata(host, paths.staged, reuse.adjusted, io)
  if (reuse.links.count() + reuse.copies.count() === 0) return noFiles
  const after = reuse.copies.count() === 0 ? before : await live()
  return await keepRight(staging, { before, after }, io)
}

async function decideReuse(staging: Staging, live: SortedTree, io: Io): Promise<Reuse> {
  const { repo, backup, host, target, can, scratch } = staging
  const list = (): PathList => createPathList(scratch)
  const reuse: Reuse = { folders: list(), links: list(), copies: list(), adjusted: list() }
  const there = follow(live.sorted())
  const copy = async (file: BackupFile, path: Uint8Array): Promise<void> => {
    await reuse.copies.add(path)
    await reuse.adjusted.add(metadataRecord(path, file, can))
  }
  let unsure: Unsure[] = []
  const settle = async (): Promise<void> => {
    const same = await haveSameContent(host, target.live.path, unsure, io)
    for (const [at, { file, live: entry }] of unsure.entries()) {
      if (same[at] === true) await copy(file, entry.path)
    }
    unsure = []
  }
  for await (const file of targetEntries(repo, backup, target, io)) {
    const path = relativeTo(file.path, target.subtree)
    if (file.type === BackupFile_Type.DIRECTORY && path.length > 0) await reuse.folders.add(path)
    if (file.type !== BackupFile_Type.FILE) continue
    const entry = await there.at(path)
    const verdict = compareLive(file, entry, can)
    if (verdict === 'unsure' && entry !== undefined) unsure.push({ file, live: entry })
    // A hard link shares mode, owner and mtime with the live file: they may not be touched.
    else if (verdict === 'unchanged') {
      await (canShare(file, entry) ? reuse.links : reuse.copies).add(path)
    } else if (verdict === 'metadata') await copy(file, path)
    if (unsure.length >= hashBatch) await settle()
  }
  if (unsure.length > 0) await settle()
  return reuse
}

/** Files hashed at a time. */
const hashBatch = 256

/** Whether the original was written meanwhile: a copy may hold part of the one and part of the other. */
function isTorn(first: SourceEntry | undefined, second: SourceEntry | undefined): boolean {
  return (
    first === undefined ||
    second === undefined ||
    first.inode !== second.inode ||
    first.sizeBytes !== second.sizeBytes ||
    first.mtimeNs !== second.mtimeNs ||
    first.ctimeNs !== second.ctimeNs
  )
}

/** Removes from the stage what is not as the backup says; gives what is. */
async function keepRight(
  { repo, backup, host, target, paths, can, scratch }: Staging,
  live: { readonly before: SortedTree; readonly after: SortedTree },
  io: Io,
): Promise<Reused> {
  const walk = mapEntries(host.scan(walkTree({ root: paths.staged }), io))
  const staged = follow((await sortTree(scratch, walk)).sorted())
  const before = follow(live.before.sorted())
  const after = follow(live.after.sorted())
  const wrong = createPathList(scratch)
  const right = createPathList(scratch)
  for await (const file of targetEntries(repo, backup, target, io)) {
    if (file.type !== BackupFile_Type.FILE) continue
    const path = relativeTo(file.path, target.subtree)
    const entry = await staged.at(path)
    if (entry === undefined) continue
    const first = await before.at(path)
    // A hard link is the original: whatever it was, it is the same now.
    const isLink = first !== undefined && first.inode === entry.inode
    const torn = !isLink && isTorn(first, await after.at(path))
    const isRight = !torn && compareEntry(file, entry, can) === 'unchanged'
    await (isRight ? right : wrong).add(path)
  }
  await removeFiles(host, paths.staged, wrong, io)
  return async function* () {
    for await (const path of right.paths()) yield { path }
  }
}

async function* mapEntries(
  entries: AsyncIterable<Parameters<typeof sourceEntry>[0]>,
): AsyncIterable<SourceEntry> {
  for await (const entry of entries) yield sourceEntry(entry)
}
