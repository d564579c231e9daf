import type { Io } from '../../base/io.ts'
import type { ReadTools, SourceBlock } from '../source.ts'

/** Blocks being hashed while the stream goes on. */
const hashedAhead = 3

/**
 * Pieces of any size, as a stream gives them, as blocks of one size in buffers of their own, the last
 * one shorter; hashed by workers while the next one fills.
 */
export async function* streamBlocks(
  pieces: AsyncIterable<Uint8Array>,
  blockBytes: number,
  { workers, buffers }: ReadTools,
  io: Io,
): AsyncIterable<SourceBlock> {
  const hashing: Promise<SourceBlock>[] = []
  let count = 0
  let filling: { readonly buffer: Uint8Array; bytes: number } | undefined
  const finish = (): void => {
    if (filling === undefined) return
    const { buffer, bytes } = filling
    filling = undefined
    const index = count
    count += 1
    const block = workers
      .hash(buffer.subarray(0, bytes))
      .then(hashed => ({ index, ...hashed, release: () => buffers.give(hashed.bytes) }))
    block.catch(() => {})
    hashing.push(block)
  }
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; ) {
        while (filling === undefined) {
          const free = hashing.length < hashedAhead ? buffers.takeFree() : undefined
          if (free !== undefined) filling = { buffer: free, bytes: 0 }
          else if (hashing.length > 0) yield await next(hashing)
          else filling = { buffer: await buffers.take(io), bytes: 0 }
        }
        const taken = Math.min(blockBytes - filling.bytes, piece.length - at)
        filling.buffer.set(piece.subarray(at, at + taken), filling.bytes)
        filling.bytes += taken
        at += taken
        if (filling.bytes === blockBytes) finish()
      }
    }
    finish()
    while (hashing.length > 0) yield await next(hashing)
  } finally {
    if (filling !== undefined) buffers.give(filling.buffer)
    for (const settled of await Promise.allSettled(hashing)) {
      if (settled.status === 'fulfilled') settled.value.release()
    }
  }
}

async function next(hashing: Promise<SourceBlock>[]): Promise<SourceBlock> {
  const [first] = hashing
  if (first === undefined) throw new Error('no block is being hashed')
  const block = await first
  hashing.splice(0, 1)
  return block
}
