import { textBytes } from '../../base/byte-text.ts'
import type { Io } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import { unpackTree } from '../../connection/host-files.ts'
import type { TarEntry } from '../../connection/tar.ts'
import { joinPath, relativeTo } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import type { Backup, Repository } from '../repository.ts'
import type { Scratch } from '../scratch.ts'
import { runSideBySide } from '../side-by-side.ts'
import type { Workers } from '../workers/contract.ts'
import type { HostAbilities } from './compare.ts'
import { type ReadFile, readContents } from './content.ts'
import { type DirectWay, fetchDirect, isForDirect, isOfTheWay } from './direct/fetch.ts'
import { targetEntries } from './entries.ts'
import type { PlannedTarget } from './plan-stage.ts'
import { follow, type Reused } from './sorted-tree.ts'
import { createFiles, createPathList, removeFiles, setAttributes } from './stage-commands.ts'
import { canWriteHere, isForHere, writeHere } from './stage-here.ts'
import type { StagingPaths } from './staging.ts'

/** One target at work. */
export interface Staging {
  readonly repo: Repository
  readonly backup: Backup
  readonly host: Host
  readonly target: PlannedTarget
  readonly paths: StagingPaths
  readonly can: HostAbilities
  /** The target is a folder, not a single file or link. */
  readonly isFolder: boolean
  /** Room for what does not fit into memory. */
  readonly scratch: Scratch
  /** How the host gets blocks by itself; without it they come through this process. */
  readonly direct?: DirectWay
  warn(warning: string): void
}

const stagedName = 'new'
const attributesName = 'attributes'

/** How the content of files is read. */
export interface Reading {
  /** They check blocks, and write files that lie on this machine. */
  readonly workers: Pick<Workers, 'hash' | 'writePieces'>
  /** Blocks that are held or under way. */
  readonly blocksAhead: number
}

/**
 * Makes the files that the stage does not have yet out of checked blocks: streamed to tar, and beside
 * that, where this process can do it, large ones written from here.
 */
export async function fetchRest(
  staging: Staging,
  have: Reused,
  reading: Reading,
  progress: (bytes: number) => void,
  io: Io,
): Promise<void> {
  const { repo, host, direct } = staging
  if (direct !== undefined) {
    await fetchByHost(staging, direct, have, { reading, progress }, io)
    return
  }
  if (!(await canWriteHere(host, staging.can, io))) {
    const files = readContents(
      missing(staging, have, () => true, io),
      { ...reading, repo },
      io,
    )
    await unpack(staging, files, io, progress)
    return
  }
  const pathOf = (file: BackupFile): Uint8Array => stagedPath(staging, file)
  const isLarge = (file: BackupFile): boolean => isForHere(file, pathOf(file))
  const { workers, blocksAhead } = reading
  const streamed = Math.max(1, Math.floor(blocksAhead / streamedShare))
  const written = Math.max(1, blocksAhead - streamed)
  await runSideBySide(2, io, async (begin, ownIo) => {
    await begin(async () => {
      const small = missing(staging, have, file => !isLarge(file), ownIo)
      const files = readContents(small, { workers, blocksAhead: streamed, repo }, ownIo)
      await unpack(staging, files, ownIo, progress)
    })
    await begin(async () => {
      const large = missing(staging, have, isLarge, ownIo)
      await writeHere(large, { repo, workers, blocksAhead: written, pathOf, progress }, ownIo)
    })
  })
  await copyAttributes(staging, missing(staging, have, isLarge, io), io)
}

/**
 * The host fills the files it can; the others, most of which are empty, are streamed to tar. Where it
 * cannot get at the storage after all, so are those.
 */
async function fetchByHost(
  staging: Staging,
  way: DirectWay,
  have: Reused,
  { reading, progress }: { readonly reading: Reading; readonly progress: (bytes: number) => void },
  io: Io,
): Promise<void> {
  const { repo, host, paths, scratch, target } = staging
  const pathOf = (file: BackupFile): Uint8Array => stagedPath(staging, file)
  const isDirect = (file: BackupFile): boolean => isForDirect(file, pathOf(file))
  const others = missing(staging, have, file => !isDirect(file), io)
  await unpack(staging, readContents(others, { ...reading, repo }, io), io, progress)
  const names = createPathList(scratch)
  for await (const file of missing(staging, have, isDirect, io)) {
    await names.add(entryPath(relativeTo(file.path, target.subtree), stagedName))
  }
  if (names.count() === 0) return
  await createFiles(host, paths.holder, names, io)
  let moved = 0
  const count = (bytes: number): void => {
    moved += bytes
    progress(bytes)
  }
  try {
    const files = missing(staging, have, isDirect, io)
    await fetchDirect(files, { repo, host, way, scratch, pathOf, progress: count }, io)
  } catch (thrown) {
    if (!isOfTheWay(thrown)) throw thrown
    staging.warn(`${thrown.message}; the files of ${target.live.path} came through bkp`)
    progress(-moved)
    await removeFiles(host, paths.holder, names, io)
    const again = missing(staging, have, isDirect, io)
    await unpack(staging, readContents(again, { ...reading, repo }, io), io, progress)
    return
  }
  await copyAttributes(staging, missing(staging, have, isDirect, io), io)
}

/** Of the blocks read ahead, what is for tar, while others are written from here: one in so many. */
const streamedShare = 3

function missing(
  staging: Staging,
  have: Reused,
  wanted: (file: BackupFile) => boolean,
  io: Io,
): AsyncIterable<BackupFile> {
  const there = follow(have())
  return filtered(staging, io, async file => {
    if (file.type !== BackupFile_Type.FILE || !wanted(file)) return false
    return (await there.at(relativeTo(file.path, staging.target.subtree))) === undefined
  })
}

function stagedPath({ paths, target }: Staging, file: BackupFile): Uint8Array {
  return joinPath(textBytes(paths.staged), relativeTo(file.path, target.subtree))
}

/** Gives files their attributes: tar sets those of empty ones with their names, cp takes them over. */
async function copyAttributes(
  staging: Staging,
  files: AsyncIterable<BackupFile>,
  io: Io,
): Promise<void> {
  const { host, paths } = staging
  if (await unpack(staging, empty(files), io, () => {}, attributesName)) {
    await setAttributes(host, paths.attributes, paths.staged, io)
  }
}

async function* empty(files: AsyncIterable<BackupFile>): AsyncIterable<Entry> {
  for await (const file of files) yield { file: { ...file, size: 0n } }
}

/**
 * Makes the symbolic links, then gives the folders their modes, owners and times: last, because
 * making anything in a folder changes its time, and because nothing may be written through a link.
 */
export async function finishFolders(staging: Staging, io: Io): Promise<void> {
  for (const type of [BackupFile_Type.SYMLINK, BackupFile_Type.DIRECTORY]) {
    await unpack(staging, bare(filtered(staging, io, async file => file.type === type)), io)
  }
}

async function* filtered(
  { repo, backup, target }: Staging,
  io: Io,
  wanted: (file: BackupFile) => Promise<boolean>,
): AsyncIterable<BackupFile> {
  for await (const file of targetEntries(repo, backup, target, io)) {
    if (await wanted(file)) yield file
  }
}

type Entry = Pick<ReadFile, 'file'> & Partial<Pick<ReadFile, 'content'>>

async function* bare(files: AsyncIterable<BackupFile>): AsyncIterable<Entry> {
  for await (const file of files) yield { file }
}

/** Whether there was anything to unpack. */
async function unpack(
  { host, target, paths }: Staging,
  files: AsyncIterable<Entry>,
  io: Io,
  progress: (bytes: number) => void = () => {},
  below = stagedName,
): Promise<boolean> {
  const iterator = files[Symbol.asyncIterator]()
  const first = await iterator.next()
  // An archive without entries would only cost a round trip.
  if (first.done === true) return false
  const entries = async function* (): AsyncIterable<TarEntry> {
    try {
      yield tarEntry(first.value, below, target.subtree, progress)
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        yield tarEntry(next.value, below, target.subtree, progress)
      }
    } finally {
      await iterator.return?.()
    }
  }
  await unpackTree(host, paths.holder, entries(), io)
  return true
}

const tarTypes: Readonly<Record<BackupFile_Type, TarEntry['type']>> = {
  [BackupFile_Type.FILE]: 'file',
  [BackupFile_Type.DIRECTORY]: 'directory',
  [BackupFile_Type.SYMLINK]: 'symlink',
}

/** An entry below a folder of the holder. */
function tarEntry(
  { file, content }: Entry,
  below: string,
  subtree: Uint8Array,
  progress: (bytes: number) => void,
): TarEntry {
  return {
    path: entryPath(relativeTo(file.path, subtree), below),
    type: tarTypes[file.type],
    sizeBytes: Number(file.size),
    mode: file.mode,
    mtimeNs: file.mtimeNs,
    user: file.user,
    group: file.group,
    ...numericOwner('uid', file.user),
    ...numericOwner('gid', file.group),
    ...(file.type === BackupFile_Type.SYMLINK ? { target: file.symlinkTarget } : {}),
    ...(content === undefined || file.size === 0n ? {} : { content: counted(content(), progress) }),
  }
}

function entryPath(relative: Uint8Array, below: string): Uint8Array {
  return joinPath(Buffer.from(below), relative)
}

/** An owner without a name was backed up as its number. */
function numericOwner(key: 'uid' | 'gid', name: string): Readonly<Record<string, number>> {
  return /^\d{1,10}$/.test(name) ? { [key]: Number(name) } : {}
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  progress: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  for await (const piece of bytes) {
    yield piece
    progress(piece.length)
  }
}
