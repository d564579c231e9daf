import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ReadOnlyStorage } from '../../storage/contract.ts'
import { readPlan } from '../garbage.ts'
import { blockKey, dataPrefix, parseBlockKey } from '../names.ts'

/** A block as it is named below `data/`: `<id>` or `<id>.<generation>`. Sorts as the keys do. */
export type BlockLine = string

/** A block the storage holds. */
export interface ListedBlock {
  readonly line: BlockLine
  readonly key: Key
  readonly generation: number
  readonly sizeBytes: number
}

/** How a block is named below `data/`. */
export function lineOf(block: {
  readonly blockId: string
  readonly generation: number
}): BlockLine {
  return blockKey(block).slice(dataPrefix.length)
}

/**
 * All blocks of the storage, in byte order of their keys. What lies below `data/` and is no block is
 * told and skipped. A listing out of order would make a join call live blocks garbage, so it ends
 * everything. @throws storage.failed
 */
export async function* listBlocks(
  storage: ReadOnlyStorage,
  unknown: (key: Key) => void,
  io: Io,
): AsyncIterable<ListedBlock> {
  let last = ''
  for await (const { key, sizeBytes } of storage.list(dataPrefix, io)) {
    if (key <= last) {
      throw new BkpError('storage.failed', `${storage.url} lists ${key} after ${last}`, {
        hint: 'a listing must be in order; nothing was deleted. Check the server',
      })
    }
    last = key
    const block = parseBlockKey(key)
    if (block === undefined) unknown(key)
    else yield { line: key.slice(dataPrefix.length), key, generation: block.generation, sizeBytes }
  }
}

/** The blocks of a plan or a seal, as lines. @throws repository.plan_invalid */
export async function* planLines(
  storage: ReadOnlyStorage,
  plan: Parameters<typeof readPlan>[1],
  io: Io,
): AsyncIterable<BlockLine> {
  for await (const block of readPlan(storage, plan, io)) yield lineOf(block)
}
