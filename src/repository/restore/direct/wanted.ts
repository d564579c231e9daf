import { decodeFile, encodeFile } from '../../file-codec.ts'
import type { BackupBlock, BackupFile } from '../../manifest_pb.ts'
import type { SortCodec } from '../../sorter.ts'

/** A range of a block that is a file, or the next part of one. */
export interface Piece {
  readonly file: BackupFile
  /** Where it begins in the block, and how long it is, in bytes. */
  readonly at: number
  readonly length: number
}

/** A block, and what becomes of it. */
export interface Wanted {
  readonly block: BackupBlock
  readonly pieces: Piece[]
}

/**
 * Pieces of one block that are made of one fetch of it: bounds what is remembered. A pack has more only
 * where its files are smaller than what naming them takes.
 */
export const mostPieces = 20_000

/** Parts of files that are appended at once: bounds the words of a command. */
export const mostAppended = 64

/** Whether a file lies in one block. Others are appended to, block by block. */
export function isScattered(file: BackupFile): boolean {
  return file.blocks.length === 1
}

/** Files of several blocks, block by block in their order; one that comes several times on end, once. */
export async function* appended(files: AsyncIterable<BackupFile>): AsyncIterable<Wanted> {
  let held: Wanted | undefined
  for await (const file of files) {
    for (const block of file.blocks) {
      const isFull = held !== undefined && held.pieces.length >= mostAppended
      if (held !== undefined && (isFull || !isSame(held.block, block))) {
        yield held
        held = undefined
      }
      held ??= { block, pieces: [] }
      held.pieces.push({ file, at: 0, length: Number(block.blockSize) })
    }
  }
  if (held !== undefined) yield held
}

/** Files that lie in one block each, sorted by it: each block once. */
export async function* scattered(files: AsyncIterable<BackupFile>): AsyncIterable<Wanted> {
  let held: Wanted | undefined
  for await (const file of files) {
    const [block] = file.blocks
    if (block === undefined) continue
    const isFull = held !== undefined && held.pieces.length >= mostPieces
    if (held !== undefined && (isFull || !isSame(held.block, block))) {
      yield held
      held = undefined
    }
    held ??= { block, pieces: [] }
    held.pieces.push({ file, at: Number(block.offset), length: Number(file.size) })
  }
  if (held !== undefined) yield held
}

function isSame(one: BackupBlock, other: BackupBlock): boolean {
  return one.blockId === other.blockId && one.generation === other.generation
}

/** What the objects of a file take, beside the bytes of its names. */
const objectBytes = 1000

/** Files by their block and the place in it, in and out of scratch room. */
export const byBlock: SortCodec<BackupFile> = Object.freeze({
  key: ({ blocks: [block] }: BackupFile) => {
    const place = Buffer.alloc(12)
    place.writeUInt32BE(block?.generation ?? 0, 0)
    place.writeBigUInt64BE(block?.offset ?? 0n, 4)
    return Buffer.concat([Buffer.from(block?.blockId ?? ''), place])
  },
  sizeBytes: (file: BackupFile) => file.path.length + objectBytes,
  encode: encodeFile,
  decode: decodeFile,
})

/** Blocks in windows of at most so many. */
export async function* windowsOf(
  blocks: AsyncIterable<Wanted>,
  mostBlocks: number,
): AsyncIterable<readonly Wanted[]> {
  let window: Wanted[] = []
  let pieces = 0
  for await (const wanted of blocks) {
    window.push(wanted)
    pieces += wanted.pieces.length
    if (window.length < mostBlocks && pieces < mostPieces) continue
    yield window
    window = []
    pieces = 0
  }
  if (window.length > 0) yield window
}
