import type { Io } from '../base/io.ts'
import type { HostSource, SourceBlock } from './source.ts'
import type { Buffers } from './workers/buffers.ts'

/** Blocks of one file read ahead of what is stored. */
const blocksAhead = 3

/** Where in its file a block lies, in bytes, and which of the range it is. */
export interface BlockPlace {
  readonly index: number
  readonly offset: number
  readonly lengthBytes: number
}

/**
 * The blocks of a range as they come, some read at the same time, each into a lent buffer that `read`
 * gives back where it fails and the block's `release` does otherwise. Blocks that turn out empty are
 * left out: the file shrank. @throws what `read` throws
 */
export async function* readAhead(
  { offset, lengthBytes, blockBytes }: Parameters<HostSource['readBlocks']>[2],
  buffers: Buffers,
  read: (place: BlockPlace, buffer: Uint8Array) => Promise<SourceBlock>,
  io: Io,
): AsyncIterable<SourceBlock> {
  const underWay = new Map<number, Promise<SourceBlock>>()
  const count = Math.ceil(lengthBytes / blockBytes)
  let next = 0
  const begin = (buffer: Uint8Array): void => {
    const index = next
    next += 1
    const done = index * blockBytes
    const length = Math.min(blockBytes, lengthBytes - done)
    const reading = read({ index, offset: offset + done, lengthBytes: length }, buffer)
    reading.catch(() => {})
    underWay.set(index, reading)
  }
  try {
    while (next < count || underWay.size > 0) {
      if (underWay.size === 0) begin(await buffers.take(io))
      while (next < count && underWay.size < blocksAhead) {
        const buffer = buffers.takeFree()
        if (buffer === undefined) break
        begin(buffer)
      }
      const block = await Promise.race(underWay.values())
      underWay.delete(block.index)
      if (block.bytes.length > 0) yield block
      else block.release()
    }
  } finally {
    for (const settled of await Promise.allSettled(underWay.values())) {
      if (settled.status === 'fulfilled') settled.value.release()
    }
  }
}
