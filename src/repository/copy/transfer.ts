import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { BlockWriter } from '../blocks.ts'
import { readLimits } from '../geometry.ts'
import type { BackupBlock } from '../manifest_pb.ts'
import { fetchBlock } from '../read.ts'
import type { Repository } from '../repository.ts'
import { type Buffers, createBuffers } from '../workers/buffers.ts'
import type { Workers } from '../workers/contract.ts'

/** Blocks that are read or sent at the same time: what bounds the memory of a copy. */
export const blocksUnderWay = 12

/** References as they are to be named in the other repository. */
export interface Transferred {
  readonly blocks: readonly BackupBlock[]
  /** Acknowledgements of what is being sent; none where all was there. */
  readonly stored: readonly Promise<void>[]
  /** Of blocks that were there. */
  readonly foundBytes: number
}

export interface TransferOptions {
  readonly from: Repository
  readonly writer: BlockWriter
  /** Of the session: of blocks it stores. */
  readonly generation: number
  readonly workers: Pick<Workers, 'hash'>
  /** Starts work beside this one; waits for a free place. */
  readonly begin: (work: () => Promise<void>) => Promise<void>
  /** Called when a block is stored. */
  readonly sent: (bytes: number) => Promise<void>
  readonly io: Io
}

/**
 * Brings blocks into another repository: those it has are named as they are there, others are read,
 * checked by their names and sent, each once. `what` needs them, for messages.
 */
export function createTransfer({
  from,
  writer,
  generation,
  workers,
  begin,
  sent,
  io,
}: TransferOptions): (blocks: readonly BackupBlock[], what: string) => Promise<Transferred> {
  const buffers = createBuffers(blocksUnderWay, readLimits.blockBytes)
  const underWay = new Map<string, Promise<void>>()

  // In an object: an async function would wait for a promise that it gives back.
  const send = async (
    block: BackupBlock,
    what: string,
  ): Promise<{ readonly stored: Promise<void> }> => {
    const { blockId } = block
    let settle: { resolve(): void; reject(error: unknown): void } | undefined
    const stored = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject }
    })
    // Whoever needs it waits for it; one that nobody needs any more has failed with the rest.
    stored.catch(() => {})
    underWay.set(blockId, stored)
    await begin(async () => {
      try {
        await sendOne(block, { from, writer, workers, buffers, io })
        settle?.resolve()
        await sent(Number(block.blockSize))
      } catch (thrown) {
        const error = needed(thrown, what)
        settle?.reject(error)
        throw error
      } finally {
        underWay.delete(blockId)
      }
    })
    return { stored }
  }

  return async (blocks, what) => {
    const named: BackupBlock[] = []
    const stored: Promise<void>[] = []
    let foundBytes = 0
    for (const block of blocks) {
      const pending = underWay.get(block.blockId)
      if (pending !== undefined) {
        named.push({ ...block, generation })
        stored.push(pending)
        continue
      }
      const found = writer.find(Buffer.from(block.blockId, 'hex'))
      if (found === undefined) {
        named.push({ ...block, generation })
        stored.push((await send(block, what)).stored)
        continue
      }
      if (found.block.blockSize !== block.blockSize) throw wrongSize(block, what)
      named.push({ ...block, generation: found.block.generation })
      foundBytes += Number(block.blockSize)
    }
    return { blocks: named, stored, foundBytes }
  }
}

async function sendOne(
  block: BackupBlock,
  {
    from,
    writer,
    workers,
    buffers,
    io,
  }: Omit<TransferOptions, 'generation' | 'begin' | 'sent'> & { readonly buffers: Buffers },
): Promise<void> {
  const buffer = await buffers.take(io)
  try {
    const bytes = await fetchBlock(from, block, io, { workers, buffer })
    const written = await writer.store(bytes, Buffer.from(block.blockId, 'hex'))
    await written.stored
  } finally {
    buffers.give(buffer)
  }
}

function needed(thrown: unknown, what: string): unknown {
  if (!(thrown instanceof BkpError) || !thrown.code.startsWith('repository.block_')) return thrown
  return new BkpError(thrown.code, `${what} cannot be copied: ${thrown.message}`, {
    cause: thrown,
    hint: 'run bkp verify --read-data to see what else is damaged',
    details: { ...thrown.details, needed_by: what },
  })
}

function wrongSize({ blockId, blockSize }: BackupBlock, what: string): BkpError {
  return new BkpError(
    'repository.manifest_invalid',
    `${what} names block ${blockId} as ${blockSize} bytes long, which it is not`,
    { hint: 'run bkp verify to see what else is damaged', details: { block: blockId } },
  )
}
