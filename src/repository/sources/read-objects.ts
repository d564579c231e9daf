import pLimit from 'p-limit'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ReadOnlyStorage } from '../../storage/contract.ts'
import { type BlockPlace, readAhead } from '../read-ahead.ts'
import type {
  HostSource,
  ReadTools,
  SmallFile,
  SmallFiles,
  SourceBlock,
  SourceEntry,
  SourceRoot,
} from '../source.ts'
import type { FileState } from '../workers/contract.ts'
import { entryOf, keyOf, lookAt } from './objects.ts'
import type { ObjectPlace } from './walk-objects.ts'

/** Requests for small objects of one batch at the same time: an answer is mostly waiting. */
const requestsAtOnce = 16

/** What reading needs of a source. */
type Place = Pick<ObjectPlace, 'host' | 'storage'>

/** Whole small objects into one lent buffer, several requests at the same time. */
export async function readSmallObjects(
  place: Place,
  root: SourceRoot,
  files: readonly SourceEntry[],
  { workers, buffers }: ReadTools,
  io: Io,
): Promise<SmallFiles> {
  const buffer = await buffers.take(io)
  const limit = pLimit(requestsAtOnce)
  let at = 0
  const reads = files.map(file => {
    const part = buffer.subarray(at, at + file.sizeBytes)
    at += file.sizeBytes
    return limit(async (): Promise<SmallFile> => {
      try {
        const bytes = await readPart(place, root, file, 0, part, io)
        const now = isHeld(place.storage, file) ? { now: file } : {}
        return { ...(await workers.hash(bytes)), ...now }
      } catch (error) {
        if (error instanceof BkpError && error.code === 'file.unreadable') return { error }
        throw error
      }
    })
  })
  // All of them: one that is still on its way would write into the next user's buffer.
  const settled = await Promise.allSettled(reads)
  try {
    const read = settled.map(result => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    return { files: read, release: () => buffers.give(buffer) }
  } catch (error) {
    buffers.give(buffer)
    throw error
  }
}

/** A range of an object as blocks, each by a request of its own, some at the same time. */
export function readObjectBlocks(
  place: Place,
  root: SourceRoot,
  file: SourceEntry,
  range: Parameters<HostSource['readBlocks']>[2],
  { workers, buffers }: ReadTools,
  io: Io,
): AsyncIterable<SourceBlock> {
  const read = async (at: BlockPlace, buffer: Uint8Array): Promise<SourceBlock> => {
    try {
      const part = buffer.subarray(0, at.lengthBytes)
      const bytes = await readPart(place, root, file, at.offset, part, io)
      return {
        index: at.index,
        ...(await workers.hash(bytes)),
        release: () => buffers.give(buffer),
      }
    } catch (error) {
      buffers.give(buffer)
      throw error
    }
  }
  return readAhead(range, buffers, read, io)
}

/** What the storage says of objects now, in the order asked. */
export async function* statObjects(
  { storage }: Place,
  root: SourceRoot,
  files: readonly SourceEntry[],
  io: Io,
): AsyncIterable<{ readonly index: number; readonly entry: FileState | undefined }> {
  const limit = pLimit(requestsAtOnce)
  const looks = files.map(file => limit(() => lookAt(storage, keyOf(root, file), io)))
  for (const look of looks) look.catch(() => {})
  for (const [index, look] of looks.entries()) {
    const now = await look
    yield { index, entry: now === undefined ? undefined : entryOf('', now) }
  }
}

/** Whether what is read is the object as it was listed, or nothing at all. */
function isHeld(
  storage: ReadOnlyStorage,
  { etag }: SourceEntry,
): storage is ReadOnlyStorage & Required<Pick<ReadOnlyStorage, 'getUnchanged'>> {
  return etag !== undefined && storage.getUnchanged !== undefined
}

/** As many bytes of an object as the part has room for, in it. @throws file.unreadable, storage.* */
async function readPart(
  { host, storage }: Place,
  root: SourceRoot,
  file: SourceEntry,
  offset: number,
  part: Uint8Array,
  io: Io,
): Promise<Uint8Array> {
  const wanted = keyOf(root, file)
  const range = { offset, lengthBytes: part.length }
  let bytes: Uint8Array
  try {
    bytes = isHeld(storage, file)
      ? await storage.getUnchanged(wanted, file.etag ?? '', io, range, part)
      : await storage.get(wanted, io, range, part)
  } catch (cause) {
    if (!(cause instanceof BkpError) || !aboutTheObject.includes(cause.code)) throw cause
    throw new BkpError('file.unreadable', `${host}: ${cause.message}`, {
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      details: { ...cause.details, host },
    })
  }
  if (bytes.length !== part.length) {
    throw new BkpError('file.unreadable', `${host}: only a part of ${wanted} came`)
  }
  // A backend need not use the room that it is given.
  if (bytes.buffer !== part.buffer || bytes.byteOffset !== part.byteOffset) part.set(bytes)
  return part
}

/** What is wrong with one object; anything else is wrong with the storage. */
const aboutTheObject: readonly string[] = ['storage.not_found', 'storage.changed', 'storage.failed']
