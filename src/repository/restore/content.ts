import { createHash } from 'node:crypto'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { showPath } from '../logical-path.ts'
import type { BackupFile } from '../manifest_pb.ts'
import { type BlockName, fetchBlock } from '../read.ts'
import type { Repository } from '../repository.ts'

/** Blocks kept, of at most 8 MiB each: files of a pack follow each other, mixed with few others. */
const keptBlocks = 4

/** Gives out the content of files, each block fetched once while it is in use. */
export interface ContentReader {
  /**
   * The bytes of a file. Every block is checked by its name before a byte of it is given out, a
   * packed file by its own sha256 too. @throws repository.block_missing, repository.block_corrupt
   */
  read(file: BackupFile): AsyncIterable<Uint8Array>
}

/** A reader of its own for each host: what it holds is bounded. */
export function createContentReader(repo: Repository, io: Io): ContentReader {
  const held = new Map<string, Promise<Uint8Array>>()
  const fetch = (block: BlockName): Promise<Uint8Array> => {
    const key = `${block.blockId}.${block.generation}`
    const known = held.get(key)
    held.delete(key)
    const bytes = known ?? fetchBlock(repo, block, io)
    // Asked for ahead, it may fail before anyone waits for it; whoever does gets the error.
    bytes.catch(() => held.delete(key))
    held.set(key, bytes)
    for (const oldest of held.keys()) {
      if (held.size <= keptBlocks) break
      held.delete(oldest)
    }
    return bytes
  }
  return Object.freeze({ read: (file: BackupFile) => readContent(file, fetch) })
}

async function* readContent(
  file: BackupFile,
  fetch: (block: BlockName) => Promise<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const sum = file.sha256.length === 0 ? undefined : createHash('sha256')
  for (const [index, block] of file.blocks.entries()) {
    const bytes = await wrapped(fetch(block), file)
    const next = file.blocks[index + 1]
    if (next !== undefined) void fetch(next).catch(() => {})
    const part =
      file.blocks.length === 1
        ? bytes.subarray(Number(block.offset), Number(block.offset + file.size))
        : bytes
    sum?.update(part)
    if (next === undefined && sum !== undefined && !sum.digest().equals(file.sha256)) {
      throw damaged(file, `${named(file)} does not hash to what its manifest says`, block.blockId)
    }
    yield part
  }
}

/** A damaged block is reported with the file that needs it. */
async function wrapped(bytes: Promise<Uint8Array>, file: BackupFile): Promise<Uint8Array> {
  try {
    return await bytes
  } catch (error) {
    if (!(error instanceof BkpError) || !error.code.startsWith('repository.block_')) throw error
    throw new BkpError(error.code, `${named(file)} cannot be restored: ${error.message}`, {
      cause: error,
      hint: error.hint ?? 'run bkp verify to see what else is damaged',
      details: { ...error.details, host: file.host, path: showPath(file.path) },
    })
  }
}

function damaged(file: BackupFile, message: string, block: string): BkpError {
  return new BkpError('repository.block_corrupt', message, {
    hint: 'run bkp verify --read-data to see what else is damaged',
    details: { block, host: file.host, path: showPath(file.path) },
  })
}

function named(file: BackupFile): string {
  return `${file.host}:${showPath(file.path)}`
}
