import type { Io } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import { unpackTree } from '../../connection/host-files.ts'
import type { TarEntry } from '../../connection/tar.ts'
import { relativeTo } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import type { Backup, Repository } from '../repository.ts'
import type { SourceEntry } from '../source.ts'
import { type HostAbilities, treeKey } from './compare.ts'
import type { ContentReader } from './content.ts'
import { targetEntries } from './entries.ts'
import type { PlannedTarget } from './plan-stage.ts'
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
}

const stagedName = Buffer.from('new')

/** Streams the files that the stage does not have yet out of checked blocks. */
export async function fetchRest(
  staging: Staging,
  have: ReadonlyMap<string, SourceEntry>,
  reader: ContentReader,
  progress: (bytes: number) => void,
  io: Io,
): Promise<void> {
  const wanted = (file: BackupFile): boolean =>
    file.type === BackupFile_Type.FILE &&
    !have.has(treeKey(relativeTo(file.path, staging.target.subtree)))
  await unpack(staging, wanted, file => counted(reader.read(file), progress), io)
}

/**
 * Makes the symbolic links, then gives the folders their modes, owners and times: last, because
 * making anything in a folder changes its time, and because nothing may be written through a link.
 */
export async function finishFolders(staging: Staging, io: Io): Promise<void> {
  await unpack(staging, file => file.type === BackupFile_Type.SYMLINK, undefined, io)
  await unpack(staging, file => file.type === BackupFile_Type.DIRECTORY, undefined, io)
}

async function unpack(
  { repo, backup, host, target, paths }: Staging,
  wanted: (file: BackupFile) => boolean,
  content: ((file: BackupFile) => AsyncIterable<Uint8Array>) | undefined,
  io: Io,
): Promise<void> {
  const chosen = filtered(targetEntries(repo, backup, target, io), wanted)
  const iterator = chosen[Symbol.asyncIterator]()
  const first = await iterator.next()
  // An archive without entries would only cost a round trip.
  if (first.done === true) return
  const entries = async function* (): AsyncIterable<TarEntry> {
    yield tarEntry(first.value, target.subtree, content)
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      yield tarEntry(next.value, target.subtree, content)
    }
  }
  await unpackTree(host, paths.holder, entries(), io)
}

async function* filtered(
  files: AsyncIterable<BackupFile>,
  wanted: (file: BackupFile) => boolean,
): AsyncGenerator<BackupFile> {
  for await (const file of files) if (wanted(file)) yield file
}

const tarTypes: Readonly<Record<BackupFile_Type, TarEntry['type']>> = {
  [BackupFile_Type.FILE]: 'file',
  [BackupFile_Type.DIRECTORY]: 'directory',
  [BackupFile_Type.SYMLINK]: 'symlink',
}

/** An entry below `new` in the holder. */
function tarEntry(
  file: BackupFile,
  subtree: Uint8Array,
  content: ((file: BackupFile) => AsyncIterable<Uint8Array>) | undefined,
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
    ...(content === undefined || file.size === 0n ? {} : { content: content(file) }),
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
