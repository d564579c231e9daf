import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ReadOnlyStorage } from '../../storage/contract.ts'
import type { BackupFile } from '../manifest_pb.ts'
import type { VerifyTools } from '../verify-tools.ts'

/** Small objects are compared many at a time, in memory of their own. */
const smallBytes = 256 * 1024

/**
 * Whether an object of the file's size holds the file's bytes: read and hashed block by block, up to
 * the first one that differs. @throws storage.*
 */
export async function hasContent(
  storage: ReadOnlyStorage,
  key: Key,
  file: BackupFile,
  { workers, buffers }: Pick<VerifyTools, 'workers' | 'buffers'>,
  io: Io,
): Promise<boolean> {
  let offset = 0
  for (const part of partsOf(file)) {
    const isLent = part.lengthBytes > smallBytes
    const buffer = isLent ? await buffers.take(io) : new Uint8Array(part.lengthBytes)
    try {
      const room = buffer.subarray(0, part.lengthBytes)
      const bytes = await storage.get(key, io, { offset, lengthBytes: part.lengthBytes }, room)
      if (bytes.length !== part.lengthBytes) return false
      if (bytes.buffer !== room.buffer || bytes.byteOffset !== room.byteOffset) room.set(bytes)
      const { sha256 } = await workers.hash(room)
      if (Buffer.from(sha256).toString('hex') !== part.sha256) return false
    } catch (error) {
      // Deleted or replaced since it was listed: not the same then.
      const isOther = error instanceof BkpError && error.code === 'storage.not_found'
      if (isOther) return false
      throw error
    } finally {
      if (isLent) buffers.give(buffer)
    }
    offset += part.lengthBytes
  }
  return true
}

/** What the bytes of a file must hash to, in order. */
function partsOf(
  file: BackupFile,
): readonly { readonly lengthBytes: number; readonly sha256: string }[] {
  const [first, second] = file.blocks
  if (first === undefined) return []
  if (second === undefined && file.sha256.length > 0) {
    return [{ lengthBytes: Number(file.size), sha256: Buffer.from(file.sha256).toString('hex') }]
  }
  return file.blocks.map(block => ({
    lengthBytes: Number(block.blockSize),
    sha256: block.blockId,
  }))
}
