import type { BlockWriter } from './blocks.ts'
import type { BackupBlock } from './manifest_pb.ts'
import type { Workers } from './workers/contract.ts'

/** Where a packed file lies, once its pack was handed to the storage. */
interface PackedRange {
  /** With the file's offset. */
  readonly block: BackupBlock
  readonly stored: Promise<void>
}

/** Puts small files of one host, in path order, into shared blocks. */
export interface Packer {
  /** Takes a copy of a file's bytes; `place` is called when its pack is full or flushed. */
  add(bytes: Uint8Array, place: (range: PackedRange) => Promise<void>): Promise<void>
  flush(): Promise<void>
}

/** Files in one pack: what is known of each is held until the pack is full. */
const mostFiles = 4096

interface Packed {
  readonly offset: number
  readonly place: (range: PackedRange) => Promise<void>
}

export function createPacker(writer: BlockWriter, packBytes: number, workers: Workers): Packer {
  // Buffers of packs that were stored; at most as many as are under way at once.
  const free: Uint8Array[] = []
  let pack: Uint8Array | undefined
  let files: Packed[] = []
  let used = 0
  const flush = async (): Promise<void> => {
    if (pack === undefined || files.length === 0) return
    const [full, bytes] = [files, pack.subarray(0, used)]
    pack = undefined
    files = []
    used = 0
    const hashed = await workers.hash(bytes)
    const { block, stored, isNew } = await writer.store(hashed.bytes, hashed.sha256)
    const giveBack = (): void => {
      free.push(Buffer.from(hashed.bytes.buffer, 0, packBytes))
    }
    // After a failure something may still be sending from it.
    if (isNew) stored.then(giveBack, () => {})
    else giveBack()
    for (const { offset, place } of full) {
      await place({ block: { ...block, offset: BigInt(offset) }, stored })
    }
  }
  return Object.freeze({
    add: async (bytes, place) => {
      if (used + bytes.length > packBytes || files.length >= mostFiles) await flush()
      pack ??= free.pop() ?? Buffer.from(new SharedArrayBuffer(packBytes))
      pack.set(bytes, used)
      files.push({ offset: used, place })
      used += bytes.length
    },
    flush,
  } satisfies Packer)
}
