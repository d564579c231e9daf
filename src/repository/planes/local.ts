import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { joinPath, showPath } from '../logical-path.ts'
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
import type { FileHere } from '../workers/contract.ts'
import { statesOf } from '../workers/jobs.ts'
import { timeOf, walkRoot } from './walk.ts'

/** Files whose blocks are read at the same time: with few cores more would only wait. */
const filesInFlight = 4

/**
 * The controller is the host: workers read and hash by themselves, without a process for each file.
 * A changed file is read whole: that costs no more than hashing it, and what is known is not stored.
 */
export function localSource(host: ReadOnlyHost, roots: readonly SourceRoot[]): HostSource {
  return Object.freeze({
    host: host.name,
    roots,
    filesInFlight,
    now: io => timeOf(host, io),
    walk: (root, io) => walkRoot(host, root, io),
    readFiles: readSmallFiles,
    readBlocks: readBlocksHere,
    stat: statHere,
  } satisfies HostSource)
}

async function readSmallFiles(
  root: SourceRoot,
  files: readonly SourceEntry[],
  { workers, buffers }: ReadTools,
  io: Io,
): Promise<SmallFiles> {
  const wanted = files.map(file => ({ ...fileHere(root, file), sizeBytes: file.sizeBytes }))
  const answer = await workers.readFiles(await buffers.take(io), wanted)
  return {
    files: files.map((file, index): SmallFile => {
      const read = answer.files[index]
      if (read === undefined || 'error' in read) {
        return { error: unreadable(root, file, read?.error ?? 'it was not read') }
      }
      const { at, length, sha256, now } = read
      return { bytes: answer.buffer.subarray(at, at + length), sha256, now: now ?? null }
    }),
    release: () => buffers.give(answer.buffer),
  }
}

function readBlocksHere(
  root: SourceRoot,
  file: SourceEntry,
  range: Parameters<HostSource['readBlocks']>[2],
  { workers, buffers }: ReadTools,
  io: Io,
): AsyncIterable<SourceBlock> {
  const here = fileHere(root, file)
  const read = async (place: BlockPlace, buffer: Uint8Array): Promise<SourceBlock> => {
    const { index, offset, lengthBytes } = place
    const found = await workers.readRange(buffer, here, offset, lengthBytes)
    if (!('error' in found)) return { index, ...found, release: () => buffers.give(found.bytes) }
    buffers.give(found.bytes)
    throw unreadable(root, file, found.error)
  }
  return readAhead(range, buffers, read, io)
}

async function* statHere(
  root: SourceRoot,
  files: readonly SourceEntry[],
): ReturnType<HostSource['stat']> {
  try {
    const states = statesOf(files.map(file => fileHere(root, file)))
    for (const [index, entry] of states.entries()) yield { index, entry }
  } catch (thrown) {
    const [first] = files
    if (first === undefined || thrown instanceof BkpError) throw thrown
    throw unreadable(root, first, thrown instanceof Error ? thrown.message : String(thrown))
  }
}

function fileHere(root: SourceRoot, file: SourceEntry): FileHere {
  // The root may be a link, as a walk takes it; below it a link is an entry and never followed.
  return { path: joinPath(root.source, file.path), follow: file.path.length === 0 }
}

function unreadable(root: SourceRoot, file: SourceEntry, why: string): BkpError {
  const path = showPath(joinPath(root.source, file.path))
  return new BkpError('file.unreadable', `${path} cannot be read: ${why}`)
}
