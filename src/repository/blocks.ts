import { create } from '@bufbuild/protobuf'
import type { Io } from '../base/io.ts'
import type { Key } from '../storage/contract.ts'
import { type BlockTable, createBlockTable } from './block-table.ts'
import type { Flow } from './flow.ts'
import { sha256 } from './manifest.ts'
import { type BackupBlock, BackupBlockSchema } from './manifest_pb.ts'
import { blockKey } from './names.ts'
import type { WritableRepository } from './repository.ts'

/** A block that may be named once `stored` has resolved. */
export interface WrittenBlock {
  readonly block: BackupBlock
  /** Resolves when the storage has acknowledged it; at once for one that was reused. */
  readonly stored: Promise<void>
  /** False when nothing was sent for it. */
  readonly isNew: boolean
}

export interface BlockWriter {
  /**
   * The block, if it may be named without sending it: a live manifest names it and it is not
   * condemned, or this session stored it. That the storage shows it would prove nothing.
   */
  find(id: Uint8Array): WrittenBlock | undefined
  /**
   * Stores bytes as a block, or finds it. Waits while too many are under way. `id` is their sha256,
   * where it is known already. @throws storage.*
   */
  store(bytes: Uint8Array, id?: Uint8Array): Promise<WrittenBlock>
  /**
   * Stores a block that somebody else sends, or finds it. `send` is called with its key, and resolves
   * once the storage has acknowledged so many bytes that hash to `id`.
   */
  storeElsewhere(
    id: Uint8Array,
    sizeBytes: number,
    send: (key: Key) => Promise<void>,
  ): Promise<WrittenBlock>
  /** Waits for every acknowledgement. @throws the first failure */
  drain(): Promise<void>
  /** Bytes sent so far. */
  newBytes(): number
}

export interface BlockWriterOptions {
  readonly repo: WritableRepository
  readonly generation: number
  /** Blocks of live manifests, without condemned ones. */
  readonly live: BlockTable
  /** How many blocks are sent at the same time. */
  readonly flow: Flow
  readonly io: Io
}

/** Writes a session's blocks. */
export function createBlockWriter(options: BlockWriterOptions): BlockWriter {
  const { repo, generation, live, flow, io } = options
  const own = createBlockTable()
  const underWay = new Map<string, Promise<void>>()
  // What is sent from here: only that is bounded here.
  const sending = new Set<Promise<void>>()
  let newBytes = 0
  let failure: { readonly error: unknown } | undefined

  /** A block is under way until it is acknowledged, and may be named then. */
  const begin = (block: BackupBlock, id: Uint8Array, sent: Promise<void>): WrittenBlock => {
    const sizeBytes = Number(block.blockSize)
    const acknowledged = async (): Promise<void> => {
      try {
        await sent
        own.add(id, { generation, sizeBytes })
        newBytes += sizeBytes
      } catch (error) {
        failure ??= { error }
        throw error
      } finally {
        underWay.delete(block.blockId)
      }
    }
    const stored = acknowledged()
    stored.catch(() => {})
    underWay.set(block.blockId, stored)
    return { block, stored, isNew: true }
  }

  const find = (id: Uint8Array): WrittenBlock | undefined => {
    const fact = live.get(id) ?? own.get(id)
    if (fact === undefined) return undefined
    const block = makeBlock(Buffer.from(id).toString('hex'), fact.sizeBytes, fact.generation)
    return { block, stored: Promise.resolve(), isNew: false }
  }

  /** The block, where it need not be sent: it was, or it is being sent. */
  const known = (id: Uint8Array, hex: string, sizeBytes: number): WrittenBlock | undefined => {
    const pending = underWay.get(hex)
    if (pending === undefined) return find(id)
    return { block: makeBlock(hex, sizeBytes, generation), stored: pending, isNew: false }
  }

  const put = async (block: BackupBlock, id: Uint8Array, bytes: Uint8Array): Promise<void> => {
    await repo.storage.put(blockKey(block), bytes, io, id)
    flow.moved(bytes.length)
  }

  return Object.freeze({
    find,
    store: async (bytes, id = sha256(bytes)) => {
      const hex = Buffer.from(id).toString('hex')
      const found = (): WrittenBlock | undefined => known(id, hex, bytes.length)
      while (found() === undefined && sending.size >= flow.limit() && failure === undefined) {
        // A failure is thrown below, to whoever stores next and to whoever waits for that block.
        await Promise.race(sending).catch(() => {})
      }
      if (failure !== undefined) throw failure.error
      const block = makeBlock(hex, bytes.length, generation)
      const already = found()
      if (already !== undefined) return already
      const sent = put(block, id, bytes)
      sending.add(sent)
      const written = begin(block, id, sent)
      const forget = (): void => void sending.delete(sent)
      sent.then(forget, forget)
      return written
    },
    storeElsewhere: async (id, sizeBytes, send) => {
      if (failure !== undefined) throw failure.error
      const hex = Buffer.from(id).toString('hex')
      const already = known(id, hex, sizeBytes)
      if (already !== undefined) return already
      const block = makeBlock(hex, sizeBytes, generation)
      return begin(block, id, send(blockKey(block)))
    },
    drain: async () => {
      while (underWay.size > 0) await Promise.allSettled(underWay.values())
      if (failure !== undefined) throw failure.error
    },
    newBytes: () => newBytes,
  } satisfies BlockWriter)
}

/** A reference to a whole block. */
function makeBlock(
  blockId: string,
  sizeBytes: number,
  generation: number,
  offset = 0,
): BackupBlock {
  return create(BackupBlockSchema, {
    blockId,
    blockSize: BigInt(sizeBytes),
    generation,
    offset: BigInt(offset),
  })
}
