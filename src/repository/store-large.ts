import type { Io } from '../base/io.ts'
import type { BlockWriter, WrittenBlock } from './blocks.ts'
import { sourceChanged } from './changed.ts'
import { sha256 } from './manifest.ts'
import type { HostSource, SourceEntry, SourceRoot } from './source.ts'

/** A file's content in the repository. */
export interface StoredContent {
  readonly blocks: readonly WrittenBlock[]
  readonly sizeBytes: number
  /** Bytes that were not sent. */
  readonly reusedBytes: number
}

export interface LargeFile {
  readonly source: HostSource
  readonly root: SourceRoot
  readonly entry: SourceEntry
}

/**
 * A file no backup has seen: read once, hashed here, cut into blocks; what the repository has is
 * not sent. @throws repository.source_changed when it ends early, unless `takeShort`
 */
export async function streamFile(
  file: LargeFile,
  writer: BlockWriter,
  blockBytes: number,
  takeShort: boolean,
  io: Io,
): Promise<StoredContent> {
  const { source, root, entry } = file
  const range = source.readRange(root, entry, 0, entry.sizeBytes, io)
  const blocks: WrittenBlock[] = []
  let sizeBytes = 0
  let reusedBytes = 0
  for await (const bytes of cutBlocks(range, blockBytes)) {
    const written = await writer.store(bytes)
    blocks.push(written)
    sizeBytes += bytes.length
    if (!written.isNew) reusedBytes += bytes.length
  }
  if (sizeBytes !== entry.sizeBytes && !takeShort) {
    throw sourceChanged(source.host, root, entry, sizeBytes < entry.sizeBytes ? 'shrank' : 'grew')
  }
  return { blocks, sizeBytes, reusedBytes }
}

/**
 * A file of which an earlier backup has another version: hashed block by block on the host first,
 * so that only the blocks the repository lacks are read and sent.
 * @throws repository.source_changed when what is read is not what was hashed
 */
export async function storeDifference(
  file: LargeFile,
  writer: BlockWriter,
  blockBytes: number,
  io: Io,
): Promise<StoredContent> {
  const { source, root, entry } = file
  const blocks: WrittenBlock[] = []
  let reusedBytes = 0
  const take = async (missing: readonly Uint8Array[]): Promise<void> => {
    const offset = blocks.length * blockBytes
    const lengthBytes = Math.min(missing.length * blockBytes, entry.sizeBytes - offset)
    let index = 0
    const range = source.readRange(root, entry, offset, lengthBytes, io)
    for await (const bytes of cutBlocks(range, blockBytes)) {
      const expected = missing[index]
      index += 1
      if (expected === undefined || !sha256(bytes).equals(expected)) break
      blocks.push(await writer.store(bytes))
    }
    if (index < missing.length) throw sourceChanged(source.host, root, entry, 'was written')
  }
  let missing: Uint8Array[] = []
  let count = 0
  for await (const id of source.hashBlocks(root, entry, blockBytes, io)) {
    count += 1
    const known = writer.find(id)
    if (known === undefined) {
      missing.push(id)
      // Bounded, so that the host is read soon after it was hashed: from its cache.
      if (missing.length < readAheadBlocks) continue
    }
    if (missing.length > 0) await take(missing)
    missing = []
    if (known === undefined) continue
    blocks.push(known)
    reusedBytes += Number(known.block.blockSize)
  }
  if (missing.length > 0) await take(missing)
  const sizeBytes = blocks.reduce((sum, { block }) => sum + Number(block.blockSize), 0)
  if (count !== Math.ceil(entry.sizeBytes / blockBytes) || sizeBytes !== entry.sizeBytes) {
    throw sourceChanged(source.host, root, entry, 'changed its size')
  }
  return { blocks, sizeBytes, reusedBytes }
}

/** Missing blocks read in one go. */
const readAheadBlocks = 16

/** Pieces of any size as blocks of one size, the last one shorter. */
export async function* cutBlocks(
  pieces: AsyncIterable<Uint8Array>,
  blockBytes: number,
): AsyncIterable<Uint8Array> {
  let block = Buffer.allocUnsafe(blockBytes)
  let filled = 0
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const taken = Math.min(blockBytes - filled, piece.length - at)
      block.set(piece.subarray(at, at + taken), filled)
      filled += taken
      at += taken
      if (filled < blockBytes) continue
      yield block
      // A block under way to the storage keeps its bytes: the next one gets its own.
      block = Buffer.allocUnsafe(blockBytes)
      filled = 0
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}
