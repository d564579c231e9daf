import { BkpError } from '../../../base/errors.ts'
import { crc32c, maskCrc } from './crc32c.ts'

/** RocksDB's log format, which its MANIFEST has, too: blocks, in them fragments of records. */
const blockBytes = 32 * 1024
/** Masked CRC-32C of all that follows it (4), length of the fragment (2), its type (1). */
const headerBytes = 7
/** An edit of a version names files, a few hundred bytes each. */
const largestRecordBytes = 64 * 1024 * 1024
const types = { zero: 0, full: 1, first: 2, middle: 3, last: 4 } as const

/**
 * The records of a log, each fragment checked by its sum. Holds one block and one record.
 * @throws nebula.backup_invalid
 */
export async function* readLogRecords(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let parts: Buffer[] = []
  let partBytes = 0
  for await (const { type, data } of fragments(chunks)) {
    const begins = type === types.full || type === types.first
    if (begins !== (parts.length === 0)) throw damaged('has the parts of a record out of order')
    parts.push(data)
    partBytes += data.length
    if (partBytes > largestRecordBytes) throw damaged('has a record of more than 64 MiB')
    if (type === types.first || type === types.middle) continue
    yield Buffer.concat(parts)
    parts = []
    partBytes = 0
  }
  if (parts.length > 0) throw damaged('ends in the middle of a record')
}

async function* fragments(
  chunks: AsyncIterable<Uint8Array>,
): AsyncIterable<{ readonly type: number; readonly data: Buffer }> {
  for await (const block of blocks(chunks)) {
    let at = 0
    while (block.length - at >= headerBytes) {
      const length = block.readUInt16LE(at + 4)
      const type = block.readUInt8(at + 6)
      // Room that was reserved and not used; it never has a length.
      if (type === types.zero && length === 0) break
      const end = at + headerBytes + length
      if (end > block.length) throw damaged('ends in the middle of a record')
      if (type === types.zero || type > types.last) throw damaged(`has a record of type ${type}`)
      if (maskCrc(crc32c(block.subarray(at + 6, end))) !== block.readUInt32LE(at)) {
        throw damaged('has a record with a wrong checksum')
      }
      // A copy: the block is used again.
      yield { type, data: Buffer.from(block.subarray(at + headerBytes, end)) }
      at = end
    }
    // Too little for a header: writers fill the end of a block with zeros.
    if (block.subarray(at).some(byte => byte !== 0)) throw damaged('ends in the middle of a record')
  }
}

async function* blocks(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  const block = Buffer.alloc(blockBytes)
  let filled = 0
  for await (const chunk of chunks) {
    let at = 0
    while (at < chunk.length) {
      const taken = chunk.subarray(at, at + blockBytes - filled)
      block.set(taken, filled)
      at += taken.length
      filled += taken.length
      if (filled < blockBytes) continue
      yield block
      filled = 0
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}

function damaged(how: string): BkpError {
  return new BkpError('nebula.backup_invalid', how)
}
