import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { hashBlocks, packFiles, statFiles, walkTree } from '../../connection/probes.ts'
import { sourceChanged } from '../changed.ts'
import { joinPath } from '../logical-path.ts'
import type {
  HostSource,
  ReadTools,
  SmallFile,
  SmallFiles,
  SourceEntry,
  SourceRoot,
} from '../source.ts'
import type { FileState } from '../workers/contract.ts'
import { outlastLosses, outlastLossesOfBytes } from './outlast.ts'
import { streamBlocks } from './stream-blocks.ts'
import { sourceEntry, timeOf, walkRoot } from './walk.ts'

/** Channels that read a file at the same time; a host has 8 of them, and the walk takes one. */
const filesInFlight = 3

/**
 * Host → connection → controller → storage: works wherever the host can be reached. Small files come
 * in one stream a batch; large ones are hashed on the host, so that only what is missing travels.
 */
export function relaySource(host: ReadOnlyHost, roots: readonly SourceRoot[]): HostSource {
  return Object.freeze({
    host: host.name,
    roots,
    filesInFlight,
    now: io => timeOf(host, io),
    walk: (root, io) => walkRoot(host, root, io),
    readFiles: (root, files, tools, io) => readRemotely(host, root, files, tools, io),
    hashBlocks: (root, file, blockBytes, io) => hashRemotely(host, root, file, blockBytes, io),
    readBlocks: (root, file, { offset, lengthBytes, blockBytes }, tools, io) => {
      const path = joinPath(root.source, file.path)
      const pieces = outlastLossesOfBytes(taken => {
        const range = { offset: offset + taken, lengthBytes: lengthBytes - taken }
        return host.read(path, io, range)
      }, io)
      return streamBlocks(pieces, blockBytes, tools, io)
    },
    stat: (root, files, io) => statRemotely(host, root, files, io),
  } satisfies HostSource)
}

async function readRemotely(
  host: ReadOnlyHost,
  root: SourceRoot,
  files: readonly SourceEntry[],
  { workers }: ReadTools,
  io: Io,
): Promise<SmallFiles> {
  const [first] = files
  const read: SmallFile[] = []
  if (first?.path.length === 0) {
    // A root that is a file has no folder to pack it from, and may be reached through a link.
    read.push(await workers.hash(await readRoot(host, root, first, io)))
  } else if (first !== undefined) {
    const scan = packFiles({ root: root.source, files })
    // From the first file again after a loss: a batch is small, and each answer says whose it is.
    for await (const answer of outlastLosses(() => host.scan(scan, io), io)) {
      const { index } = answer
      read[index] = 'error' in answer ? { error: answer.error } : await workers.hash(answer.bytes)
    }
  }
  return { files: read, release: () => {} }
}

async function readRoot(
  host: ReadOnlyHost,
  root: SourceRoot,
  file: SourceEntry,
  io: Io,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const range = { offset: 0, lengthBytes: file.sizeBytes }
  if (file.sizeBytes > 0) {
    for await (const piece of host.read(root.source, io, range)) pieces.push(piece)
  }
  // A copy that fills its buffer: it is handed to a worker.
  return new Uint8Array(Buffer.concat(pieces))
}

async function* hashRemotely(
  host: ReadOnlyHost,
  root: SourceRoot,
  file: SourceEntry,
  blockBytes: number,
  io: Io,
): AsyncIterable<Uint8Array> {
  const path = joinPath(root.source, file.path)
  const scan = hashBlocks({ files: [{ path, sizeBytes: file.sizeBytes }], blockBytes })
  let isShort = false
  const hashes = outlastLosses(taken => without(taken, host.scan(scan, io)), io)
  for await (const { block, sha256, lengthBytes } of hashes) {
    // A shorter block hashes to the name of other bytes than the ones the file is said to hold.
    isShort ||= lengthBytes !== Math.min(blockBytes, file.sizeBytes - block * blockBytes)
    // The scan is read to its end: breaking off would have to end what runs on the host.
    if (!isShort) yield Buffer.from(sha256, 'hex')
  }
  if (isShort) throw sourceChanged(host.name, root, file, 'shrank')
}

/** All but the first ones. */
async function* without<T>(count: number, items: AsyncIterable<T>): AsyncIterable<T> {
  let passed = 0
  for await (const item of items) {
    if (passed >= count) yield item
    passed += 1
  }
}

/** lstat by a scan. */
async function* statRemotely(
  host: ReadOnlyHost,
  root: SourceRoot,
  files: readonly SourceEntry[],
  io: Io,
): AsyncIterable<{ readonly index: number; readonly entry: FileState | undefined }> {
  const [first] = files
  if (first?.path.length === 0) {
    // As the walk took it: a link in place of the root is followed.
    const walk = walkTree({ root: root.source })
    const entries = outlastLosses(taken => without(taken, host.scan(walk, io)), io)
    for await (const entry of entries) {
      if (entry.path.length === 0) yield { index: 0, entry: sourceEntry(entry) }
    }
    return
  }
  const scan = statFiles({ root: root.source, paths: files.map(({ path }) => path) })
  const states = outlastLosses(taken => without(taken, host.scan(scan, io)), io)
  for await (const { index, entry } of states) {
    yield { index, entry: entry === undefined ? undefined : sourceEntry(entry) }
  }
}
