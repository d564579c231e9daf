import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { BlockWriter, WrittenBlock } from './blocks.ts'
import { sourceChanged } from './changed.ts'
import type { HeldBlock, HostSource, Outbox } from './source.ts'
import { type LargeFile, type StoredContent, wholeContent } from './store-large.ts'

/** Blocks that are asked for at once. */
const blocksAtOnce = 4

/** A block of a file that the host is to send. */
interface Wanted {
  readonly block: number
  /** What it hashed to before it was copied, where that is known. */
  readonly id?: Uint8Array
}

/**
 * A large file whose host sends it by itself: each block is copied aside, the copy is hashed, and what the
 * repository lacks is sent from the copy. With `hashBlocks`, for a file of which there is an earlier
 * version, only blocks that are missing are copied at all.
 * @throws repository.source_changed, repository.plane_unavailable, file.unreadable
 */
export async function storeHeldFile(
  file: LargeFile,
  outbox: Outbox,
  { hashBlocks, takeShort }: Pick<HostSource, 'hashBlocks'> & { readonly takeShort: boolean },
  io: Io,
): Promise<StoredContent> {
  const { source, root, entry, writer, blockBytes } = file
  const count = Math.ceil(entry.sizeBytes / blockBytes)
  const blocks: WrittenBlock[] = []
  const sizes: number[] = []
  let reusedBytes = 0
  const note = async (block: number, written: WrittenBlock, lengthBytes: number): Promise<void> => {
    blocks[block] = written
    sizes[block] = lengthBytes
    if (!written.isNew) reusedBytes += lengthBytes
    await file.tick(lengthBytes)
  }
  const take = async (wanted: readonly Wanted[]): Promise<void> => {
    for (let left = wanted; left.length > 0; ) {
      const numbers = left.map(({ block }) => block)
      const copies = await outbox.copyBlocks(root, entry, numbers, io)
      const taken = left.slice(0, copies.length)
      left = left.slice(copies.length)
      await handOver(copies, async (copy, index) => {
        const { block = 0, id } = taken[index] ?? {}
        if (id !== undefined && Buffer.compare(id, copy.sha256) !== 0) {
          throw sourceChanged(source.host, root, entry, 'was written')
        }
        const expected = Math.min(blockBytes, entry.sizeBytes - block * blockBytes)
        if (copy.lengthBytes !== expected && !takeShort) {
          const what = copy.lengthBytes < expected ? 'shrank' : 'grew'
          throw sourceChanged(source.host, root, entry, what)
        }
        if (copy.lengthBytes === 0) return
        await note(block, await storeHeldBlock(writer, copy), copy.lengthBytes)
      })
    }
  }
  if (hashBlocks === undefined) {
    for (let block = 0; block < count; block += blocksAtOnce) {
      const length = Math.min(blocksAtOnce, count - block)
      await take(Array.from({ length }, (_, index) => ({ block: block + index })))
    }
  } else {
    let missing: Wanted[] = []
    let block = 0
    for await (const id of hashBlocks(root, entry, blockBytes, io)) {
      const known = writer.find(id)
      if (known !== undefined) await note(block, known, Number(known.block.blockSize))
      else missing.push({ block, id })
      block += 1
      // Soon after they were hashed: from the host's cache.
      if (missing.length < blocksAtOnce) continue
      await take(missing)
      missing = []
    }
    await take(missing)
  }
  return wholeContent(file, { blocks, sizes, reusedBytes }, takeShort)
}

/** Stores a copy, unless it is there. */
export async function storeHeldBlock(writer: BlockWriter, copy: HeldBlock): Promise<WrittenBlock> {
  return await writer.storeElsewhere(copy.sha256, copy.lengthBytes, copy.send)
}

/** Does something with each copy; those that are not being sent then are given up, also after a failure. */
async function handOver(
  copies: readonly HeldBlock[],
  act: (copy: HeldBlock, index: number) => Promise<void>,
): Promise<void> {
  try {
    for (const [index, copy] of copies.entries()) await act(copy, index)
  } finally {
    for (const copy of copies) copy.release()
  }
}

/** Whether the host cannot send it by itself, after all: then it is read. */
export function cannotSend(error: unknown): error is BkpError {
  return error instanceof BkpError && error.code === 'repository.plane_unavailable'
}
