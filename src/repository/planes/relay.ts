import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { hashBlocks, packFiles, statFiles, walkTree } from '../../connection/probes.ts'
import { sourceChanged } from '../changed.ts'
import { joinPath } from '../logical-path.ts'
import type { HostSource, SourceEntry, SourceRoot } from '../source.ts'
import { sourceEntry, walkRoot } from './walk.ts'

/**
 * Host → connection → controller → storage: works wherever the host can be reached. Small files come
 * in one stream a batch; large ones are hashed on the host, so that only what is missing travels.
 */
export function relaySource(host: ReadOnlyHost, roots: readonly SourceRoot[]): HostSource {
  return Object.freeze({
    host: host.name,
    roots,
    walk: (root, io) => walkRoot(host, root, io),
    readFiles: (root, files, io) => readRemotely(host, root, files, io),
    hashBlocks: (root, file, blockBytes, io) => hashRemotely(host, root, file, blockBytes, io),
    readRange: (root, file, offset, lengthBytes, io) =>
      host.read(joinPath(root.source, file.path), io, { offset, lengthBytes }),
    stat: (root, files, io) => statRemotely(host, root, files, io),
  } satisfies HostSource)
}

type ReadAnswers = ReturnType<HostSource['readFiles']>

async function* readRemotely(
  host: ReadOnlyHost,
  root: SourceRoot,
  files: readonly SourceEntry[],
  io: Io,
): ReadAnswers {
  const [first] = files
  if (first === undefined) return
  // A root that is a file has no folder to pack it from, and may be reached through a link.
  if (first.path.length === 0) yield await readRoot(host, root, first, io)
  else yield* host.scan(packFiles({ root: root.source, files }), io)
}

async function readRoot(
  host: ReadOnlyHost,
  root: SourceRoot,
  file: SourceEntry,
  io: Io,
): Promise<{ readonly index: 0; readonly bytes: Uint8Array }> {
  const pieces: Uint8Array[] = []
  const range = { offset: 0, lengthBytes: file.sizeBytes }
  if (file.sizeBytes > 0) {
    for await (const piece of host.read(root.source, io, range)) pieces.push(piece)
  }
  return { index: 0, bytes: Buffer.concat(pieces) }
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
  for await (const { block, sha256, lengthBytes } of host.scan(scan, io)) {
    // A shorter block hashes to the name of other bytes than the ones the file is said to hold.
    isShort ||= lengthBytes !== Math.min(blockBytes, file.sizeBytes - block * blockBytes)
    // The scan is read to its end: breaking off would have to end what runs on the host.
    if (!isShort) yield Buffer.from(sha256, 'hex')
  }
  if (isShort) throw sourceChanged(host.name, root, file, 'shrank')
}

/** lstat by a scan: names of owners are the host's to know, on every plane. */
export async function* statRemotely(
  host: ReadOnlyHost,
  root: SourceRoot,
  files: readonly SourceEntry[],
  io: Io,
): AsyncIterable<{ readonly index: number; readonly entry: SourceEntry | undefined }> {
  const [first] = files
  if (first?.path.length === 0) {
    // As the walk took it: a link in place of the root is followed.
    for await (const entry of host.scan(walkTree({ root: root.source }), io)) {
      if (entry.path.length === 0) yield { index: 0, entry: sourceEntry(entry) }
    }
    return
  }
  const scan = statFiles({ root: root.source, paths: files.map(({ path }) => path) })
  for await (const { index, entry } of host.scan(scan, io)) {
    yield { index, entry: entry === undefined ? undefined : sourceEntry(entry) }
  }
}
