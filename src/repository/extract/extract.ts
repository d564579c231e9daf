import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { decodeFile, encodeFile } from '../file-codec.ts'
import { showPath } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import { readFileContent } from '../read.ts'
import type { Backup, Repository } from '../repository.ts'
import { readContents } from '../restore/content.ts'
import { createScratch, type Scratch } from '../scratch.ts'
import { createSorter } from '../sorter.ts'
import { createWorkers } from '../workers/pool.ts'
import type { TargetFolder } from './folder.ts'
import { entriesInScope, type FileScope } from './scope.ts'

/** What was written. Sizes in bytes. */
export interface Extracted {
  readonly files: number
  readonly directories: number
  readonly symlinks: number
  readonly bytes: number
}

export interface ExtractOptions {
  readonly repo: Repository
  readonly backup: Backup
  readonly scope: FileScope
  readonly folder: TargetFolder
  readonly scratchFolder?: string
  /** Told of each file before it is written. */
  readonly at?: (file: BackupFile) => void
}

/** Blocks that are held or under way. */
const blocksAhead = 8

/**
 * Writes a part of a backup into a folder: directories and files first, then symbolic links, which
 * nothing is written through, then the attributes of directories. Every block is checked before a byte
 * of it is written. Memory does not grow with the number of files.
 * @throws repository.path_not_found, repository.manifest_invalid, repository.block_missing,
 * repository.block_corrupt, restore.conflict, file.unwritable
 */
export async function extract(options: ExtractOptions, io: Io): Promise<Extracted> {
  const scratch = createScratch(options.scratchFolder)
  const workers = createWorkers()
  try {
    return await extractWith(options, scratch, workers, io)
  } finally {
    await workers.close()
    await scratch.close()
  }
}

async function extractWith(
  { repo, backup, scope, folder, at }: ExtractOptions,
  scratch: Scratch,
  workers: ReturnType<typeof createWorkers>,
  io: Io,
): Promise<Extracted> {
  const links = scratch.spool()
  const directories = createSorter(scratch)
  const counts = { files: 0, directories: 0, symlinks: 0, bytes: 0 }
  const totalBytes = await bytesInScope(repo, backup, scope, io)
  const filesOnly = async function* (): AsyncIterable<BackupFile> {
    for await (const file of entriesInScope(repo, backup, scope, io)) {
      if (file.type === BackupFile_Type.FILE) yield file
      else if (file.type === BackupFile_Type.SYMLINK) await links.append(encodeFile(file))
      else {
        folder.directory(file)
        await directories.add(childrenFirst(file), encodeFile(file))
        counts.directories += 1
      }
    }
  }
  const counted = async function* (parts: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const bytes of parts) {
      yield bytes
      counts.bytes += bytes.length
      io.progress(counts.bytes, totalBytes)
    }
  }
  const contents = readContents(filesOnly(), { repo, workers, blocksAhead }, io)
  for await (const { file, content } of contents) {
    io.signal.throwIfAborted()
    at?.(file)
    await folder.file(file, counted(content()))
    counts.files += 1
  }
  for await (const record of links.records()) {
    io.signal.throwIfAborted()
    folder.symlink(decodeFile(record))
    counts.symlinks += 1
  }
  for await (const { value } of directories.sorted()) folder.finishDirectory(decodeFile(value))
  if (counts.files + counts.directories + counts.symlinks === 0) throw nothingThere(backup, scope)
  return counts
}

/** Sorts what lies below before what it lies in: a folder may close itself to us when it is done. */
function childrenFirst({ host, path }: BackupFile): Buffer {
  const key = Buffer.concat([Buffer.from(host), Buffer.of(0x2f), path])
  // No byte of it is 0: the complement is never 0xff but at the end, which a longer path has later.
  return Buffer.concat([key.map(byte => 0xff - byte), Buffer.of(0xff)])
}

async function bytesInScope(
  repo: Repository,
  backup: Backup,
  scope: FileScope,
  io: Io,
): Promise<number> {
  const all = scope.host === undefined && scope.path === undefined
  const totals = backup.manifest.backupMeta?.totals
  if (all && totals !== undefined) return Number(totals.bytes)
  let bytes = 0
  for await (const { size } of entriesInScope(repo, backup, scope, io)) bytes += Number(size)
  return bytes
}

/**
 * The content of the one file that a part of a backup is. @throws repository.path_not_found,
 * usage.invalid where it is more than one file
 */
export async function* extractOne(
  repo: Repository,
  backup: Backup,
  scope: FileScope,
  io: Io,
): AsyncIterable<Uint8Array> {
  let found: BackupFile | undefined
  for await (const file of entriesInScope(repo, backup, scope, io)) {
    if (found !== undefined || file.type !== BackupFile_Type.FILE) {
      throw new BkpError('usage.invalid', 'only one file can be written to standard output', {
        hint: 'name it with --path, and its host with --host where several have it',
      })
    }
    found = file
  }
  if (found === undefined) throw nothingThere(backup, scope)
  yield* readFileContent(repo, found, io)
}

function nothingThere({ name }: Backup, { host, path }: FileScope): BkpError {
  const where = [
    ...(path === undefined ? [] : [`at ${showPath(path)}`]),
    ...(host === undefined ? [] : [`of host ${host}`]),
  ].join(' ')
  return new BkpError('repository.path_not_found', `backup ${name} holds nothing ${where}`.trim(), {
    hint: 'bkp show lists its files; a path is written as it is shown there, without the host',
    details: { backup: name },
  })
}
