import { createHash } from 'node:crypto'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { readLimits } from '../geometry.ts'
import { showPath } from '../logical-path.ts'
import type { BackupFile } from '../manifest_pb.ts'
import { type BlockName, fetchBlock } from '../read.ts'
import type { Repository } from '../repository.ts'
import { createBuffers } from '../workers/buffers.ts'
import type { Workers } from '../workers/contract.ts'

/** A file, and its content for whoever wants it before going on to the next one. */
export interface ReadFile {
  readonly file: BackupFile
  /**
   * The bytes of the file. Every block is checked by its name before a byte of it is given out, a
   * packed file by its own sha256 too. @throws repository.block_missing, repository.block_corrupt
   */
  content(): AsyncIterable<Uint8Array>
}

export interface ContentOptions {
  readonly repo: Repository
  /** They check the blocks. */
  readonly workers: Pick<Workers, 'hash'>
  /** Blocks that are held or under way. */
  readonly blocksAhead: number
}

/** Files looked at ahead of the one that is read. */
const mostFilesAhead = 1024

/** A block that files ahead need. */
interface Held {
  readonly bytes: Promise<Uint8Array>
  readonly buffer: Uint8Array
  uses: number
}

/** What a file needs, in order; a use of each was counted. */
interface Wanted {
  readonly file: BackupFile
  readonly blocks: Held[]
  /** How many of the file's blocks were asked for so far. */
  asked: number
}

/**
 * Files in their order, the blocks of those ahead fetched and checked meanwhile, each once while it
 * is in use. Bytes are valid until the next ones are asked for: their buffer is used again. What
 * fetching throws is thrown where its bytes would have come.
 */
export async function* readContents(
  files: AsyncIterable<BackupFile>,
  { repo, workers, blocksAhead }: ContentOptions,
  io: Io,
): AsyncIterable<ReadFile> {
  const iterator = files[Symbol.asyncIterator]()
  const held = new Map<string, Held>()
  const ahead: Wanted[] = []
  /** How many of those ahead have been asked for to their ends. */
  let settled = 0
  const buffers = createBuffers(blocksAhead, readLimits.blockBytes)
  let ended = false

  const want = (block: BlockName): Held | undefined => {
    const key = `${block.blockId}.${block.generation}`
    const known = held.get(key)
    if (known !== undefined) {
      known.uses += 1
      return known
    }
    const buffer = buffers.takeFree()
    if (buffer === undefined) return undefined
    const bytes = fetchBlock(repo, block, io, { workers, buffer })
    // It may fail before anyone asks for it; whoever does gets the error.
    bytes.catch(() => {})
    const made: Held = { bytes, buffer, uses: 1 }
    held.set(key, made)
    return made
  }
  const drop = (key: string, used: Held): void => {
    used.uses -= 1
    if (used.uses > 0) return
    held.delete(key)
    buffers.give(used.buffer)
  }
  /** Asks for blocks of a file while there is room. True when all of it was asked for. */
  const ask = (wanted: Wanted): boolean => {
    for (; wanted.asked < wanted.file.blocks.length; wanted.asked += 1) {
      const block = wanted.file.blocks[wanted.asked]
      const got = block === undefined ? undefined : want(block)
      if (got === undefined) return false
      wanted.blocks.push(got)
    }
    return true
  }
  const askAhead = async (): Promise<void> => {
    for (; settled < ahead.length; settled += 1) {
      const wanted = ahead[settled]
      if (wanted !== undefined && !ask(wanted)) return
    }
    while (!ended && ahead.length < mostFilesAhead) {
      const next = await iterator.next()
      if (next.done === true) {
        ended = true
        return
      }
      const wanted: Wanted = { file: next.value, blocks: [], asked: 0 }
      ahead.push(wanted)
      if (!ask(wanted)) return
      settled += 1
    }
  }
  const bytesOf = async function* (wanted: Wanted): AsyncIterable<Uint8Array> {
    const { file } = wanted
    for (const [index, block] of file.blocks.entries()) {
      await askAhead()
      const used = wanted.blocks[index]
      if (used === undefined) throw new BkpError('internal', 'a block was not asked for in turn')
      try {
        yield await blockOf(file, used.bytes)
      } finally {
        drop(`${block.blockId}.${block.generation}`, used)
      }
    }
  }
  for (;;) {
    await askAhead()
    const [first] = ahead
    if (first === undefined) return
    yield { file: first.file, content: () => checked(first.file, bytesOf(first)) }
    ahead.shift()
    settled = Math.max(0, settled - 1)
  }
}

/** The part of each block that is the file's, and the file's own sum where it has one. */
async function* checked(
  file: BackupFile,
  blocks: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const sum = file.sha256.length === 0 ? undefined : createHash('sha256')
  let index = 0
  for await (const bytes of blocks) {
    const block = file.blocks[index]
    index += 1
    const part =
      file.blocks.length === 1 && block !== undefined
        ? bytes.subarray(Number(block.offset), Number(block.offset + file.size))
        : bytes
    sum?.update(part)
    const isLast = index === file.blocks.length
    if (isLast && sum !== undefined && !sum.digest().equals(file.sha256)) throw damaged(file)
    yield part
  }
}

/** Bytes of a file, awaited: a damaged block is reported with the file that needs it. */
export async function blockOf(file: BackupFile, bytes: Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await bytes
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    throw neededBy(file, error)
  }
}

/** The error of a block, with the file that needs it where it is the block's own fault. */
export function neededBy(file: BackupFile, error: BkpError): BkpError {
  if (!error.code.startsWith('repository.block_')) return error
  return new BkpError(error.code, `${named(file)} cannot be restored: ${error.message}`, {
    cause: error,
    hint: error.hint ?? 'run bkp verify to see what else is damaged',
    details: { ...error.details, host: file.host, path: showPath(file.path) },
  })
}

/** The error of a file that its manifest contradicts, though its blocks are right. */
export function damaged(file: BackupFile): BkpError {
  return new BkpError(
    'repository.block_corrupt',
    `${named(file)} does not hash to what its manifest says`,
    {
      hint: 'run bkp verify --read-data to see what else is damaged',
      details: {
        block: file.blocks.at(-1)?.blockId ?? '',
        host: file.host,
        path: showPath(file.path),
      },
    },
  )
}

function named(file: BackupFile): string {
  return `${file.host}:${showPath(file.path)}`
}
