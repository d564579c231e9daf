import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ReadOnlyStorage } from '../../storage/contract.ts'
import type { BackupBlock, BackupFile } from '../manifest_pb.ts'
import { hasContent } from '../restore-objects/same-content.ts'
import type { VerifyTools } from '../verify-tools.ts'

/**
 * Whether an object of the file's size is the file: a small one by all its bytes, a large one by its
 * first and its last block. Objects appear whole, and nobody else writes under these names: another file
 * of exactly this size is what has to be told, not one flipped bit. @throws storage.*
 */
export async function holdsFile(
  storage: ReadOnlyStorage,
  key: Key,
  file: BackupFile,
  tools: Pick<VerifyTools, 'workers' | 'buffers'>,
  io: Io,
): Promise<boolean> {
  const [first, last] = [file.blocks[0], file.blocks.at(-1)]
  if (first === undefined || last === undefined || file.blocks.length <= 2) {
    return await hasContent(storage, key, file, tools, io)
  }
  return (
    (await hasBlock(storage, key, 0, first, tools, io)) &&
    (await hasBlock(storage, key, Number(file.size - last.blockSize), last, tools, io))
  )
}

async function hasBlock(
  storage: ReadOnlyStorage,
  key: Key,
  offset: number,
  { blockId, blockSize }: BackupBlock,
  { workers, buffers }: Pick<VerifyTools, 'workers' | 'buffers'>,
  io: Io,
): Promise<boolean> {
  const buffer = await buffers.take(io)
  try {
    const room = buffer.subarray(0, Number(blockSize))
    const bytes = await storage.get(key, io, { offset, lengthBytes: room.length }, room)
    if (bytes.length !== room.length) return false
    if (bytes.buffer !== room.buffer || bytes.byteOffset !== room.byteOffset) room.set(bytes)
    const { sha256 } = await workers.hash(room)
    return Buffer.from(sha256).toString('hex') === blockId
  } catch (error) {
    // Deleted since it was listed.
    if (error instanceof BkpError && error.code === 'storage.not_found') return false
    throw error
  } finally {
    buffers.give(buffer)
  }
}
