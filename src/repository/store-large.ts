import type { Io } from '../base/io.ts'
import type { BlockWriter, WrittenBlock } from './blocks.ts'
import { sourceChanged } from './changed.ts'
import type { HostSource, ReadTools, SourceBlock, SourceEntry, SourceRoot } from './source.ts'

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
  readonly writer: BlockWriter
  readonly tools: ReadTools
  readonly blockBytes: number
  /** Called with the bytes of each block that is stored or known. */
  readonly tick: (bytes: number) => Promise<void>
}

/**
 * A file read once and hashed here, cut into blocks; what the repository has is not sent.
 * @throws repository.source_changed when it ends early, unless `takeShort`
 */
export async function streamFile(
  file: LargeFile,
  takeShort: boolean,
  io: Io,
): Promise<StoredContent> {
  const { source, root, entry, blockBytes } = file
  const range = { offset: 0, lengthBytes: entry.sizeBytes, blockBytes }
  const blocks: (WrittenBlock | undefined)[] = []
  const sizes: number[] = []
  let reusedBytes = 0
  for await (const block of source.readBlocks(root, entry, range, file.tools, io)) {
    sizes[block.index] = block.bytes.length
    const written = await storeBlock(file.writer, block)
    blocks[block.index] = written
    if (!written.isNew) reusedBytes += Number(written.block.blockSize)
    await file.tick(sizes[block.index] ?? 0)
  }
  return wholeContent(file, { blocks, sizes, reusedBytes }, takeShort)
}

/**
 * What was read of a file, by number of block: all of it, or what lies before the first short block.
 * @throws repository.source_changed when that is not what the walk saw, unless `takeShort`
 */
export function wholeContent(
  { source, root, entry, blockBytes }: LargeFile,
  read: {
    readonly blocks: readonly (WrittenBlock | undefined)[]
    readonly sizes: readonly number[]
    readonly reusedBytes: number
  },
  takeShort: boolean,
): StoredContent {
  // Where it was cut short while it was read, what lies behind the first short block is not its.
  const whole: WrittenBlock[] = []
  let sizeBytes = 0
  for (const [index, block] of read.blocks.entries()) {
    if (block === undefined) break
    whole.push(block)
    sizeBytes += read.sizes[index] ?? 0
    if (read.sizes[index] !== blockBytes) break
  }
  if (sizeBytes !== entry.sizeBytes && !takeShort) {
    throw sourceChanged(source.host, root, entry, sizeBytes < entry.sizeBytes ? 'shrank' : 'grew')
  }
  return { blocks: whole, sizeBytes, reusedBytes: Math.min(read.reusedBytes, sizeBytes) }
}

/** Hands a block to the writer; its buffer is free again once the storage needs it no more. */
async function storeBlock(writer: BlockWriter, block: SourceBlock): Promise<WrittenBlock> {
  const written = await writer.store(block.bytes, block.sha256)
  // After a failure something may still be sending from it.
  if (written.isNew) written.stored.then(block.release, () => {})
  else block.release()
  return written
}

/**
 * A file of which an earlier backup has another version: hashed block by block on the host, so that
 * only the blocks the repository lacks are read and sent. Hashing goes on while they travel.
 * @throws repository.source_changed when what is read is not what was hashed
 */
export async function storeDifference(
  file: LargeFile,
  hashBlocks: NonNullable<HostSource['hashBlocks']>,
  io: Io,
): Promise<StoredContent> {
  const { source, root, entry, writer, blockBytes } = file
  const blocks: WrittenBlock[] = []
  let reusedBytes = 0
  const take = async (first: number, missing: readonly Uint8Array[]): Promise<void> => {
    const offset = first * blockBytes
    const lengthBytes = Math.min(missing.length * blockBytes, entry.sizeBytes - offset)
    const range = { offset, lengthBytes, blockBytes }
    let count = 0
    for await (const block of source.readBlocks(root, entry, range, file.tools, io)) {
      const expected = missing[block.index]
      if (expected === undefined || Buffer.compare(block.sha256, expected) !== 0) {
        block.release()
        break
      }
      const written = await storeBlock(writer, block)
      blocks[first + block.index] = written
      count += 1
      await file.tick(Number(written.block.blockSize))
    }
    if (count < missing.length) throw sourceChanged(source.host, root, entry, 'was written')
  }
  let taking: Promise<void> = Promise.resolve()
  let missing: Uint8Array[] = []
  let count = 0
  const takeMissing = async (): Promise<void> => {
    if (missing.length === 0) return
    const [first, wanted] = [count - missing.length, missing]
    missing = []
    // One range travels while the next blocks are hashed; never further ahead than that.
    await taking
    taking = take(first, wanted)
    taking.catch(() => {})
  }
  try {
    for await (const id of hashBlocks(root, entry, blockBytes, io)) {
      const known = writer.find(id)
      if (known === undefined) {
        missing.push(id)
        count += 1
        // Bounded, so that the host is read soon after it was hashed: from its cache.
        if (missing.length >= readAheadBlocks) await takeMissing()
        continue
      }
      await takeMissing()
      blocks[count] = known
      count += 1
      reusedBytes += Number(known.block.blockSize)
      await file.tick(Number(known.block.blockSize))
    }
    await takeMissing()
  } finally {
    // Also where hashing failed: nothing of this file may still be read when its failure is told.
    await taking
  }
  const sizeBytes = blocks.reduce((sum, { block }) => sum + Number(block.blockSize), 0)
  if (count !== Math.ceil(entry.sizeBytes / blockBytes) || sizeBytes !== entry.sizeBytes) {
    throw sourceChanged(source.host, root, entry, 'changed its size')
  }
  return { blocks, sizeBytes, reusedBytes }
}

/** Missing blocks read in one go. */
const readAheadBlocks = 16
