import type { Io } from '../base/io.ts'
import { readLimits } from './geometry.ts'
import { type BlockName, fetchBlock } from './read.ts'
import type { Repository } from './repository.ts'
import { type Buffers, createBuffers } from './workers/buffers.ts'
import type { Workers } from './workers/contract.ts'
import { createWorkers } from './workers/pool.ts'

/** What reading many blocks needs: threads that hash, and as many buffers as blocks are under way. */
export interface VerifyTools {
  readonly inFlight: number
  readonly workers: Pick<Workers, 'hash'>
  readonly buffers: Buffers
}

/** Lends tools to some work, and ends their threads afterwards. */
export async function withVerifyTools<T>(
  inFlight: number,
  work: (tools: VerifyTools) => Promise<T>,
): Promise<T> {
  const workers = createWorkers()
  try {
    const buffers = createBuffers(inFlight, readLimits.blockBytes)
    return await work({ inFlight, workers, buffers })
  } finally {
    await workers.close()
  }
}

/**
 * A block, checked in a thread; its bytes are there until `use` returns.
 * @throws repository.block_missing, repository.block_corrupt, storage.*
 */
export async function withBlock<T>(
  repo: Repository,
  block: BlockName,
  { workers, buffers }: VerifyTools,
  io: Io,
  use: (bytes: Uint8Array) => T,
): Promise<T> {
  const buffer = await buffers.take(io)
  try {
    return use(await fetchBlock(repo, block, io, { workers, buffer }))
  } finally {
    buffers.give(buffer)
  }
}
