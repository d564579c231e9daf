import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { sourceChanged } from '../changed.ts'
import { joinPath, showPath } from '../logical-path.ts'
import type { HostSource, SourceEntry, SourceRoot } from '../source.ts'
import { statRemotely } from './relay.ts'
import { walkRoot } from './walk.ts'

/** Bytes read at a time. */
const pieceBytes = 1024 * 1024

/** The controller is the host: what it walks it reads by itself, without a process for each file. */
export function localSource(host: ReadOnlyHost, roots: readonly SourceRoot[]): HostSource {
  return Object.freeze({
    host: host.name,
    roots,
    walk: (root, io) => walkRoot(host, root, io),
    readFiles: readSmallFiles,
    hashBlocks: (root, file, blockBytes, io) => hashHere(host.name, root, file, blockBytes, io),
    readRange,
    stat: (root, files, io) => statRemotely(host, root, files, io),
  } satisfies HostSource)
}

async function* readSmallFiles(
  root: SourceRoot,
  files: readonly SourceEntry[],
  io: Io,
): AsyncIterable<
  | { readonly index: number; readonly bytes: Uint8Array }
  | { readonly index: number; readonly error: Error }
> {
  for (const [index, file] of files.entries()) {
    io.signal.throwIfAborted()
    try {
      // One byte more tells that the file grew, however long it is now.
      yield { index, bytes: await readAtMost(root, file, file.sizeBytes + 1) }
    } catch (thrown) {
      yield { index, error: thrown instanceof Error ? thrown : new Error(String(thrown)) }
    }
  }
}

async function readAtMost(
  root: SourceRoot,
  file: SourceEntry,
  lengthBytes: number,
): Promise<Uint8Array> {
  const handle = await openFile(root, file)
  try {
    return await readPiece(handle, root, file, 0, lengthBytes)
  } finally {
    await handle.close()
  }
}

async function* hashHere(
  host: string,
  root: SourceRoot,
  file: SourceEntry,
  blockBytes: number,
  io: Io,
): AsyncIterable<Uint8Array> {
  const handle = await openFile(root, file)
  try {
    for (let start = 0; start < file.sizeBytes; start += blockBytes) {
      const end = Math.min(start + blockBytes, file.sizeBytes)
      const hash = createHash('sha256')
      for (let at = start; at < end; ) {
        io.signal.throwIfAborted()
        const piece = await readPiece(handle, root, file, at, Math.min(pieceBytes, end - at))
        if (piece.length === 0) throw sourceChanged(host, root, file, 'shrank')
        hash.update(piece)
        at += piece.length
      }
      yield hash.digest()
    }
  } finally {
    await handle.close()
  }
}

async function* readRange(
  root: SourceRoot,
  file: SourceEntry,
  offset: number,
  lengthBytes: number,
  io: Io,
): AsyncIterable<Uint8Array> {
  const handle = await openFile(root, file)
  try {
    for (let at = offset; at < offset + lengthBytes; ) {
      io.signal.throwIfAborted()
      const wanted = Math.min(pieceBytes, offset + lengthBytes - at)
      const piece = await readPiece(handle, root, file, at, wanted)
      if (piece.length === 0) return
      yield piece
      at += piece.length
    }
  } finally {
    await handle.close()
  }
}

async function openFile(root: SourceRoot, file: SourceEntry): Promise<FileHandle> {
  const path = Buffer.from(joinPath(root.source, file.path))
  // The root may be a link, as a walk takes it; below it a link is an entry and never followed.
  const follow = file.path.length === 0 ? 0 : constants.O_NOFOLLOW
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | follow)
  } catch (error) {
    throw unreadable(root, file, error)
  }
}

async function readPiece(
  handle: FileHandle,
  root: SourceRoot,
  file: SourceEntry,
  offset: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(lengthBytes)
  let filled = 0
  try {
    while (filled < lengthBytes) {
      const { bytesRead } = await handle.read(buffer, filled, lengthBytes - filled, offset + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
  } catch (error) {
    throw unreadable(root, file, error)
  }
  return buffer.subarray(0, filled)
}

function unreadable(root: SourceRoot, file: SourceEntry, cause: unknown): BkpError {
  const path = showPath(joinPath(root.source, file.path))
  const why = cause instanceof Error ? cause.message : String(cause)
  return new BkpError('file.unreadable', `${path} cannot be read: ${why}`, { cause })
}
