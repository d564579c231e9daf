import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { output } from '../../connection/probes.ts'
import { readLimits } from '../geometry.ts'
import { showPath } from '../logical-path.ts'
import type { BackupBlock, BackupFile } from '../manifest_pb.ts'
import { fetchBlock } from '../read.ts'
import type { Repository } from '../repository.ts'
import { runSideBySide } from '../side-by-side.ts'
import { createBuffers } from '../workers/buffers.ts'
import type { PieceHere, Workers } from '../workers/contract.ts'
import type { HostAbilities } from './compare.ts'
import { blockOf } from './content.ts'
import { createEarlyFlush } from './flush-early.ts'

/** Smaller files go through tar: it sets their attributes, which costs more here than their bytes. */
const writtenHereBytes = 1024 * 1024

/** Longest path that a system call takes, in bytes, with its NUL. */
const pathLimitBytes = 4096

/**
 * Whether this process may write files by itself: the controller is the host, and the attributes of
 * files can be copied there. Node sets times to the microsecond only, so cp has to do that.
 */
export async function canWriteHere(
  host: ReadOnlyHost,
  can: HostAbilities,
  io: Io,
): Promise<boolean> {
  // Only this name: with sudo the host's files belong to another user.
  if (host.transport !== 'local' || !can.nanoseconds) return false
  const { cp } = await host.ask({ cp: output('cp', '--help') }, io)
  return cp.stdout.includes('--attributes-only')
}

/**
 * Whether a file is one that `writeHere` takes, staged under that path. Not one with a sum of its own,
 * which is hashed in order.
 */
export function isForHere(file: BackupFile, path: Uint8Array): boolean {
  return file.size >= writtenHereBytes && file.sha256.length === 0 && path.length < pathLimitBytes
}

export interface WriteHere {
  readonly repo: Repository
  readonly workers: Pick<Workers, 'hash' | 'writePieces'>
  /** Blocks that are held or under way. */
  readonly blocksAhead: number
  /** Where a file goes: in folders that are there, for us alone, and where nothing is. */
  pathOf(file: BackupFile): Uint8Array
  /** Bytes that were written. */
  progress(bytes: number): void
}

/** A block, and all that it becomes of what is looked at together: it is read once. */
interface Wanted {
  readonly block: BackupBlock
  /** The first file that needs it, for messages. */
  readonly file: BackupFile
  readonly pieces: PieceHere[]
}

/** Pieces of one block that are written by one job: bounds what a job takes, and what is remembered. */
const mostPieces = 64

/**
 * Creates the files, for us alone, and writes them block by block in any order: several are read,
 * checked and written at the same time, none of a block's bytes before it was checked.
 * @throws repository.block_missing, repository.block_corrupt, file.unwritable
 */
export async function writeHere(
  files: AsyncIterable<BackupFile>,
  { repo, workers, blocksAhead, pathOf, progress }: WriteHere,
  io: Io,
): Promise<void> {
  const buffers = createBuffers(blocksAhead, readLimits.blockBytes)
  const flush = createEarlyFlush(flushFile)
  const write = async ({ block, file, pieces }: Wanted, ownIo: Io): Promise<void> => {
    const buffer = await buffers.take(ownIo)
    const fetched = await blockOf(file, fetchBlock(repo, block, ownIo, { workers, buffer }))
    // A storage may have given memory that is not ours to hand to another thread.
    if (fetched.buffer !== buffer.buffer) buffer.set(fetched)
    ownIo.signal.throwIfAborted()
    const written = await workers.writePieces(buffer, pieces)
    buffers.give(buffer)
    if ('error' in written) throw unwritable(written.failed, written.error)
    for (const { path, length } of pieces) flush.wrote(path, length)
    progress(pieces.reduce((sum, { length }) => sum + length, 0))
  }
  const writing = runSideBySide(blocksAhead, io, async (begin, ownIo) => {
    for await (const wanted of blocksOf(files, pathOf)) await begin(() => write(wanted, ownIo))
  })
  // Also where it failed: nothing may hold a file that is removed then.
  const flushing = writing.catch(() => {}).then(() => flush.settled())
  await Promise.allSettled([writing, flushing])
  await writing
  await flushing
}

/** Blocks in the order of the files, one that comes several times on end together. */
async function* blocksOf(
  files: AsyncIterable<BackupFile>,
  pathOf: (file: BackupFile) => Uint8Array,
): AsyncIterable<Wanted> {
  let held: Wanted | undefined
  for await (const file of files) {
    const path = pathOf(file)
    await create(path)
    let offset = 0
    for (const block of file.blocks) {
      const length = Number(block.blockSize)
      if (held !== undefined && (!isSame(held.block, block) || held.pieces.length >= mostPieces)) {
        yield held
        held = undefined
      }
      held ??= { block, file, pieces: [] }
      held.pieces.push({ path, offset, at: 0, length })
      offset += length
    }
  }
  if (held !== undefined) yield held
}

function isSame(one: BackupBlock, other: BackupBlock): boolean {
  return one.blockId === other.blockId && one.generation === other.generation
}

async function create(path: Uint8Array): Promise<void> {
  // EXCL: what is there already may be a hard link of a live file.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  try {
    const file = await open(Buffer.from(path), flags, 0o600)
    await file.close()
  } catch (thrown) {
    throw unwritable(path, thrown instanceof Error ? thrown.message : String(thrown))
  }
}

async function flushFile(path: Uint8Array): Promise<void> {
  try {
    const file = await open(Buffer.from(path), constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
  } catch (thrown) {
    throw unwritable(path, thrown instanceof Error ? thrown.message : String(thrown))
  }
}

function unwritable(path: Uint8Array, why: string): BkpError {
  return new BkpError('file.unwritable', `${showPath(path)} cannot be written: ${why}`)
}
