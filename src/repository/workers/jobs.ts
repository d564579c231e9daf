import { createHash } from 'node:crypto'
import { closeSync, constants, lstatSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import type {
  BytesWritten,
  FileHere,
  FileState,
  HashedBytes,
  PieceHere,
  RangeRead,
  SmallRead,
} from './contract.ts'

/**
 * The work itself. It blocks: in a thread of its own nothing is faster, and small jobs are done where
 * they are asked for. This file imports nothing of ours that would make a thread slow to start.
 */
export type Job =
  | { readonly kind: 'hash'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'range'
      readonly buffer: Uint8Array
      readonly file: FileHere
      readonly offset: number
      readonly lengthBytes: number
    }
  | {
      readonly kind: 'files'
      readonly buffer: Uint8Array
      readonly files: readonly (FileHere & { readonly sizeBytes: number })[]
    }
  | { readonly kind: 'write'; readonly bytes: Uint8Array; readonly pieces: readonly PieceHere[] }

/** What a job came to, by its kind. */
export interface JobResults {
  readonly hash: HashedBytes
  readonly range: RangeRead
  readonly files: { readonly buffer: Uint8Array; readonly files: readonly SmallRead[] }
  readonly write: BytesWritten
}

/** Does a job. What the operating system says of a file is an answer. */
export function runJob(job: Job): JobResults[Job['kind']] {
  switch (job.kind) {
    case 'hash':
      return { bytes: job.bytes, sha256: sha256(job.bytes) }
    case 'range':
      return readRange(job)
    case 'write':
      return writePieces(job.bytes, job.pieces)
    default:
      return { buffer: job.buffer, files: readFiles(job.buffer, job.files) }
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

function readRange(job: Extract<Job, { readonly kind: 'range' }>): RangeRead {
  const { buffer } = job
  try {
    const length = readFile(job.file, buffer, 0, job.offset, job.lengthBytes)
    const bytes = buffer.subarray(0, length)
    return { bytes, sha256: sha256(bytes) }
  } catch (thrown) {
    return { bytes: buffer, error: messageOf(thrown) }
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

function readFiles(
  buffer: Uint8Array,
  files: readonly (FileHere & { readonly sizeBytes: number })[],
): readonly SmallRead[] {
  let at = 0
  return files.map(file => {
    try {
      // One byte more tells that the file grew, however long it is now.
      const length = readFile(file, buffer, at, 0, file.sizeBytes + 1)
      const read = { at, length, sha256: sha256(buffer.subarray(at, at + length)) }
      at += length
      return { ...read, now: stateOf(file) }
    } catch (thrown) {
      return { error: messageOf(thrown) }
    }
  })
}

function readFile(
  { path, follow }: FileHere,
  buffer: Uint8Array,
  at: number,
  offset: number,
  lengthBytes: number,
): number {
  // Below a root a link is an entry and never followed; opening a pipe would wait for ever.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW)
  const file = openSync(asBuffer(path), flags)
  try {
    const wanted = Math.min(lengthBytes, buffer.length - at)
    let done = 0
    while (done < wanted) {
      const got = readSync(file, buffer, at + done, wanted - done, offset + done)
      if (got === 0) break
      done += got
    }
    return done
  } finally {
    closeSync(file)
  }
}

function writePieces(bytes: Uint8Array, pieces: readonly PieceHere[]): BytesWritten {
  for (const piece of pieces) {
    try {
      writePiece(bytes, piece)
    } catch (thrown) {
      return { bytes, failed: piece.path, error: messageOf(thrown) }
    }
  }
  return { bytes }
}

function writePiece(bytes: Uint8Array, { path, offset, at, length }: PieceHere): void {
  // Never creating: whoever made the file knows that it is nobody else's, a hard link for example.
  const file = openSync(asBuffer(path), constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    for (let done = 0; done < length; ) {
      done += writeSync(file, bytes, at + done, length - done, offset + done)
    }
  } finally {
    closeSync(file)
  }
}

function stateOf({ path, follow }: FileHere): FileState | undefined {
  const look = follow ? statSync : lstatSync
  const stats = look(asBuffer(path), { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) return undefined
  return {
    type: stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'symlink'
          : 'other',
    sizeBytes: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    inode: stats.ino,
  }
}

/** Looks at files now, one after the other. @throws Error of the operating system beside ENOENT */
export function statesOf(files: readonly FileHere[]): readonly (FileState | undefined)[] {
  return files.map(stateOf)
}

// Not Buffer.from(path): that would copy.
function asBuffer(path: Uint8Array): Buffer {
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength)
}
