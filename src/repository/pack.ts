import type { BlockWriter } from './blocks.ts'
import type { BackupBlock } from './manifest_pb.ts'

/** Where a packed file lies, once its pack was handed to the storage. */
interface PackedRange {
  /** With the file's offset. */
  readonly block: BackupBlock
  readonly stored: Promise<void>
}

/** Puts small files of one host, in path order, into shared blocks. */
export interface Packer {
  /** Takes a file's bytes; `place` is called when its pack is full or flushed. */
  add(bytes: Uint8Array, place: (range: PackedRange) => Promise<void>): Promise<void>
  flush(): Promise<void>
}

/** Files in one pack: what is known of each is held until the pack is full. */
const mostFiles = 4096

interface Packed {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly place: (range: PackedRange) => Promise<void>
}

export function createPacker(writer: BlockWriter, packBytes: number): Packer {
  let files: Packed[] = []
  let used = 0
  const flush = async (): Promise<void> => {
    if (files.length === 0) return
    const full = files
    files = []
    used = 0
    const { block, stored } = await writer.store(Buffer.concat(full.map(({ bytes }) => bytes)))
    for (const { offset, place } of full) {
      await place({ block: { ...block, offset: BigInt(offset) }, stored })
    }
  }
  return Object.freeze({
    add: async (bytes, place) => {
      if (used + bytes.length > packBytes || files.length >= mostFiles) await flush()
      files.push({ bytes, offset: used, place })
      used += bytes.length
    },
    flush,
  } satisfies Packer)
}
