import pLimit from 'p-limit'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Storage } from '../../storage/contract.ts'
import { showFile } from '../logical-path.ts'
import { sha256 } from '../manifest.ts'
import type { BackupFile } from '../manifest_pb.ts'
import { fetchBlock, readFileContent } from '../read.ts'
import type { Repository } from '../repository.ts'
import type { Buffers } from '../workers/buffers.ts'
import type { Workers } from '../workers/contract.ts'
import type { Compared } from './compare-objects.ts'

/** An object that is to be written. */
export type Wanted = Extract<Compared, { readonly file: BackupFile }>

/** What writing needs. */
export interface PutTools {
  readonly repo: Repository
  readonly target: Storage
  readonly workers: Pick<Workers, 'hash'>
  readonly buffers: Buffers
}

/** Small objects written at the same time: an answer is mostly waiting. */
const putsAtOnce = 8

/**
 * Writes objects whose bytes lie in one block, which is read once for all of them and checked, each
 * range by its own sum. @throws repository.block_missing, repository.block_corrupt, storage.*
 */
export async function putFromBlock(
  wanted: readonly Wanted[],
  { repo, target, workers, buffers }: PutTools,
  io: Io,
  done: (bytes: number) => void,
): Promise<void> {
  const block = wanted[0]?.file.blocks[0]
  if (block === undefined) {
    for (const { key } of wanted) await target.put(key, new Uint8Array(), io)
    return
  }
  const buffer = await buffers.take(io)
  try {
    const bytes = await fetchBlock(repo, block, io, { workers, buffer })
    const limit = pLimit(putsAtOnce)
    const puts = wanted.map(({ key, file }) =>
      limit(async () => {
        io.signal.throwIfAborted()
        const offset = Number(file.blocks[0]?.offset ?? 0n)
        const part = bytes.subarray(offset, offset + Number(file.size))
        const sum = sha256(part)
        if (file.sha256.length !== 0 && !sum.equals(file.sha256)) throw wrongRange(file)
        await target.put(key, part, io, sum)
        done(part.length)
      }),
    )
    // All of them: none may read from the buffer when it is given back.
    for (const settled of await Promise.allSettled(puts)) {
      if (settled.status === 'rejected') throw settled.reason
    }
  } finally {
    buffers.give(buffer)
  }
}

/** Writes an object of several blocks, in order, each checked before a byte of it is sent. */
export async function putFromBlocks(
  { key, file }: Wanted,
  { repo, target }: Pick<PutTools, 'repo' | 'target'>,
  io: Io,
  done: (bytes: number) => void,
): Promise<void> {
  const counted = async function* (): AsyncIterable<Uint8Array> {
    for await (const part of readFileContent(repo, file, io)) {
      yield part
      done(part.length)
    }
  }
  await target.putStream(key, counted(), Number(file.size), io)
}

function wrongRange(file: BackupFile): BkpError {
  return new BkpError(
    'repository.block_corrupt',
    `${showFile(file)} does not hash to what its manifest says`,
    {
      hint: 'run bkp verify --read-data to see what else is damaged',
      details: { block: file.blocks[0]?.blockId ?? '' },
    },
  )
}
