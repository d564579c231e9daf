import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo, Storage } from '../../storage/contract.ts'
import { type ListedBlock, listBlocks, planLines } from './block-listing.ts'
import { join } from './join.ts'

/** Blocks and their bytes. */
export interface Freed {
  readonly blocks: number
  readonly bytes: number
}

/** Keys of one request. */
const batchSize = 1000
/** A sweep that finds blocks again so often fights someone. */
const mostPasses = 5

/**
 * Deletes what a seal names, in passes over the listing until none of it is listed: what a revoked
 * writer put again meanwhile goes too. Done twice, or by several at once, it is done once.
 * The seal must have been checked. @throws storage.*, repository.plan_invalid
 */
export async function sweep(storage: Storage, seal: ObjectInfo, io: Io): Promise<Freed> {
  let freed: Freed = { blocks: 0, bytes: 0 }
  for (let pass = 0; pass < mostPasses; pass += 1) {
    const deleted = await sweepOnce(storage, seal, freed.bytes, io)
    if (deleted.blocks === 0) return freed
    freed = { blocks: freed.blocks + deleted.blocks, bytes: freed.bytes + deleted.bytes }
  }
  throw new BkpError('storage.failed', `${storage.url} still lists blocks that were deleted`, {
    hint: 'run the vacuum again; if that does not help, something writes there without a session',
  })
}

async function sweepOnce(
  storage: Storage,
  seal: ObjectInfo,
  freedBytes: number,
  io: Io,
): Promise<Freed> {
  const listed = listBlocks(storage, () => {}, io)
  const condemned = join(listed, ({ line }) => line, planLines(storage, seal, io), true)
  let blocks = 0
  let bytes = 0
  let batch: ListedBlock[] = []
  const flush = async (): Promise<void> => {
    const failed = await storage.delete(
      batch.map(({ key }) => key),
      io,
    )
    if (failed.length > 0) throw notDeleted(storage, failed)
    blocks += batch.length
    bytes += batch.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    batch = []
    io.progress(freedBytes + bytes)
  }
  for await (const block of condemned) {
    batch.push(block)
    if (batch.length >= batchSize) await flush()
  }
  if (batch.length > 0) await flush()
  return { blocks, bytes }
}

function notDeleted(
  storage: Storage,
  failed: readonly { readonly key: Key; readonly error: Error }[],
): BkpError {
  const [first] = failed
  return new BkpError(
    'storage.failed',
    `${storage.url} did not delete ${failed.length} blocks, ${first?.key} among them: ${first?.error.message}`,
    {
      hint: 'a vacuum needs the right to delete below data/; run it again, it goes on where it was',
    },
  )
}
