import type { Io } from '../../base/io.ts'
import { walkTree } from '../../connection/probes.ts'
import { relativeTo } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import { sourceEntry } from '../planes/walk.ts'
import type { SourceEntry } from '../source.ts'
import { compareEntry, readTree, treeKey, type Unsure } from './compare.ts'
import { targetEntries } from './entries.ts'
import { readLive } from './live.ts'
import { haveSameContent } from './same-content.ts'
import { copyFiles, linkFiles, makeFolders, removeFiles, setMetadata } from './stage-commands.ts'
import type { Staging } from './stage-fetch.ts'

/** What is done with the files of the live tree that can serve. */
interface Reuse {
  readonly folders: Uint8Array[]
  readonly links: Uint8Array[]
  readonly copies: Uint8Array[]
  /** Copies whose mode, owner or mtime is another. */
  readonly adjusted: { readonly path: Uint8Array; readonly file: BackupFile }[]
}

/**
 * Makes the staged folders, and in them what the live tree can give: immutable files as hard links,
 * others as copies. The cluster may still be running: what was not what it seemed is found by looking
 * at both trees afterwards, taken away again, and left to be fetched. Gives the files that are right.
 */
export async function reuseLive(
  staging: Staging,
  io: Io,
): Promise<ReadonlyMap<string, SourceEntry>> {
  const { host, target, paths } = staging
  const before = await readLive(host, target.live, io)
  const reuse = await decideReuse(staging, before, io)
  await makeFolders(host, paths.staged, reuse.folders, io)
  await linkFiles(host, target.live.path, paths.staged, reuse.links, io)
  await copyFiles(host, target.live.path, paths.staged, reuse.copies, io)
  await setMetadata(host, paths.staged, reuse.adjusted, staging.can, io)
  const torn = await changedCopies(staging, reuse.copies, before, io)
  return await keepRight(staging, torn, io)
}

async function decideReuse(
  staging: Staging,
  live: ReadonlyMap<string, SourceEntry>,
  io: Io,
): Promise<Reuse> {
  const { repo, backup, host, target, can } = staging
  const reuse: Reuse = { folders: [], links: [], copies: [], adjusted: [] }
  const copy = (file: BackupFile, path: Uint8Array): void => {
    reuse.copies.push(path)
    reuse.adjusted.push({ path, file })
  }
  let unsure: Unsure[] = []
  const settle = async (): Promise<void> => {
    const same = await haveSameContent(host, target.live.path, unsure, io)
    for (const [at, { file, live: entry }] of unsure.entries()) {
      if (same[at] === true) copy(file, entry.path)
    }
    unsure = []
  }
  for await (const file of targetEntries(repo, backup, target, io)) {
    const path = relativeTo(file.path, target.subtree)
    if (file.type === BackupFile_Type.DIRECTORY) reuse.folders.push(path)
    if (file.type !== BackupFile_Type.FILE) continue
    const entry = live.get(treeKey(path))
    const verdict = compareEntry(file, entry, can)
    if (verdict === 'unsure' && entry !== undefined) unsure.push({ file, live: entry })
    // A hard link shares mode, owner and mtime with the live file: they may not be touched.
    else if (verdict === 'unchanged') (file.immutable ? reuse.links : reuse.copies).push(path)
    else if (verdict === 'metadata') copy(file, path)
    if (unsure.length >= hashBatch) await settle()
  }
  if (unsure.length > 0) await settle()
  return reuse
}

/** Files hashed at a time. */
const hashBatch = 256

/** Copies whose original was written meanwhile: they may hold part of the one and part of the other. */
async function changedCopies(
  staging: Staging,
  copies: readonly Uint8Array[],
  before: ReadonlyMap<string, SourceEntry>,
  io: Io,
): Promise<ReadonlySet<string>> {
  if (copies.length === 0) return new Set()
  const after = await readLive(staging.host, staging.target.live, io)
  return new Set(
    copies.map(treeKey).filter(key => {
      const first = before.get(key)
      const second = after.get(key)
      return (
        first === undefined ||
        second === undefined ||
        first.inode !== second.inode ||
        first.sizeBytes !== second.sizeBytes ||
        first.mtimeNs !== second.mtimeNs ||
        first.ctimeNs !== second.ctimeNs
      )
    }),
  )
}

/** Removes from the stage what is not as the backup says; gives what is. */
async function keepRight(
  { repo, backup, host, target, paths, can }: Staging,
  torn: ReadonlySet<string>,
  io: Io,
): Promise<ReadonlyMap<string, SourceEntry>> {
  const tree = await readTree(mapEntries(host.scan(walkTree({ root: paths.staged }), io)))
  const wrong: Uint8Array[] = []
  for await (const file of targetEntries(repo, backup, target, io)) {
    if (file.type !== BackupFile_Type.FILE) continue
    const path = relativeTo(file.path, target.subtree)
    const key = treeKey(path)
    const entry = tree.get(key)
    if (entry === undefined) continue
    if (!torn.has(key) && compareEntry(file, entry, can) === 'unchanged') continue
    wrong.push(path)
    tree.delete(key)
  }
  await removeFiles(host, paths.staged, wrong, io)
  return tree
}

async function* mapEntries(
  entries: AsyncIterable<Parameters<typeof sourceEntry>[0]>,
): AsyncIterable<SourceEntry> {
  for await (const entry of entries) yield sourceEntry(entry)
}
