import type { Io } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import { unpackTree } from '../../connection/host-files.ts'
import type { TarEntry } from '../../connection/tar.ts'
import { relativeTo } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import type { Backup, Repository } from '../repository.ts'
import type { Scratch } from '../scratch.ts'
import type { HostAbilities } from './compare.ts'
import { type ContentOptions, type ReadFile, readContents } from './content.ts'
import { targetEntries } from './entries.ts'
import type { PlannedTarget } from './plan-stage.ts'
import { follow, type Reused } from './sorted-tree.ts'
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
}

const stagedName = Buffer.from('new')

/** How the content of files is read. */
export type Reading = Omit<ContentOptions, 'repo'>

/** Streams the files that the stage does not have yet out of checked blocks. */
export async function fetchRest(
  staging: Staging,
  have: Reused,
  reading: Reading,
  progress: (bytes: number) => void,
  io: Io,
): Promise<void> {
  const { repo, target } = staging
  const there = follow(have())
  const missing = filtered(staging, io, async file => {
    if (file.type !== BackupFile_Type.FILE) return false
    return (await there.at(relativeTo(file.path, target.subtree))) === undefined
  })
  const files = readContents(missing, { ...reading, repo }, io)
  await unpack(staging, files, io, progress)
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

async function unpack(
  { host, target, paths }: Staging,
  files: AsyncIterable<Entry>,
  io: Io,
  progress: (bytes: number) => void = () => {},
): Promise<void> {
  const iterator = files[Symbol.asyncIterator]()
  const first = await iterator.next()
  // An archive without entries would only cost a round trip.
  if (first.done === true) return
  const entries = async function* (): AsyncIterable<TarEntry> {
    try {
      yield tarEntry(first.value, target.subtree, progress)
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        yield tarEntry(next.value, target.subtree, progress)
      }
    } finally {
      await iterator.return?.()
    }
  }
  await unpackTree(host, paths.holder, entries(), io)
}

const tarTypes: Readonly<Record<BackupFile_Type, TarEntry['type']>> = {
  [BackupFile_Type.FILE]: 'file',
  [BackupFile_Type.DIRECTORY]: 'directory',
  [BackupFile_Type.SYMLINK]: 'symlink',
}

/** An entry below `new` in the holder. */
function tarEntry(
  { file, content }: Entry,
  subtree: Uint8Array,
  progress: (bytes: number) => void,
): TarEntry {
  const relative = relativeTo(file.path, subtree)
  const slash = relative.length === 0 ? '' : '/'
  return {
    path: Buffer.concat([stagedName, Buffer.from(slash), relative]),
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
