import pLimit from 'p-limit'
import type { RandomBytes } from '../base/clock.ts'
import { asBkpError, BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { ObjectInfo } from '../storage/contract.ts'
import { decodeBlock, encodeBlock } from './file-codec.ts'
import { unique } from './list-writer.ts'
import { sha256 } from './manifest.ts'
import type { BackupBlock } from './manifest_pb.ts'
import { type BackupName, blockKey, dataPrefix } from './names.ts'
import { namedBlocks, readBlockList } from './read.ts'
import type { Backup, Repository } from './repository.ts'
import type { Scratch } from './scratch.ts'
import { createSorter, openCursor, type Sorter } from './sorter.ts'
import { type BadBlock, isDamage } from './verify-faults.ts'
import { type VerifyTools, withBlock } from './verify-tools.ts'

export interface CheckedBlocks {
  readonly checked: { readonly blocks: number; readonly bytes: number }
  /** By name below `data/`. */
  readonly bad: ReadonlyMap<string, BadBlock>
  /** Backups whose list of blocks could not be read. */
  readonly unlisted: readonly { readonly backup: BackupName; readonly error: BkpError }[]
}

export interface CheckBlocksOptions {
  readonly readData: boolean | number
  readonly random: RandomBytes
  readonly tools: VerifyTools
}

/**
 * Compares the blocks that backups name with what the storage lists, both sorted, in memory that
 * does not grow with them; and reads the bytes of those that were asked for.
 */
export async function checkBlocks(
  repo: Repository,
  backups: readonly Backup[],
  options: CheckBlocksOptions,
  scratch: Scratch,
  io: Io,
): Promise<CheckedBlocks> {
  const references = createSorter(scratch)
  const unlisted: { readonly backup: BackupName; readonly error: BkpError }[] = []
  for (const backup of backups) {
    try {
      await addReferences(repo, backup, references, io)
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!isDamage(error)) throw error
      unlisted.push({ backup: backup.name, error })
    }
  }
  const bad = new Map<string, BadBlock>()
  const listed = await openCursor<ObjectInfo>(repo.storage.list(dataPrefix, io))
  const limit = pLimit(options.tools.inFlight)
  const reading = new Set<Promise<void>>()
  const isSampled = sampler(options)
  let blocks = 0
  let bytes = 0
  let previous = ''
  for await (const { key, value } of unique(references.sorted())) {
    io.signal.throwIfAborted()
    const name = key.subarray(0, key.indexOf(0)).toString()
    const block = decodeBlock(value)
    while (
      listed.value !== undefined &&
      Buffer.compare(nameOf(listed.value), Buffer.from(name)) < 0
    ) {
      await listed.next()
    }
    const found = listed.value !== undefined && nameOf(listed.value).toString() === name
    const size = found ? listed.value?.sizeBytes : undefined
    if (name !== previous) blocks += 1
    previous = name
    const fault = sizeFault(name, block, size)
    if (fault !== undefined) bad.set(name, fault)
    else if (isSampled(block)) {
      bytes += Number(block.blockSize)
      const task = limit(() => readOne(repo, { name, block, bad }, options.tools, io))
      const tracked: Promise<void> = task.finally(() => reading.delete(tracked))
      tracked.catch(() => {})
      reading.add(tracked)
      if (reading.size >= mostUnderWay) await Promise.race(reading)
      io.progress(bytes)
    }
  }
  await Promise.all(reading)
  return { checked: { blocks, bytes }, bad, unlisted }
}

/** Reads waiting for their turn before the comparison waits too. */
const mostUnderWay = 16

/** Sorted as keys are listed; the size is part of the key, for a manifest that lies about it. */
async function addReferences(
  repo: Repository,
  backup: Backup,
  references: Sorter,
  io: Io,
): Promise<void> {
  const add = async (block: BackupBlock): Promise<void> => {
    const name = blockKey(block).slice(dataPrefix.length)
    const whole = { ...block, offset: 0n }
    const key = Buffer.from(`${name}\0${block.blockSize}`)
    await references.add(key, encodeBlock(whole))
  }
  for (const block of namedBlocks(backup.manifest)) await add(block)
  // Inline entries too: the list of blocks is checked against them by this.
  for (const file of backup.manifest.storage) for (const block of file.blocks) await add(block)
  for await (const block of readBlockList(repo, backup, io)) await add(block)
}

function nameOf({ key }: ObjectInfo): Buffer {
  return Buffer.from(key.slice(dataPrefix.length))
}

function sizeFault(
  name: string,
  block: BackupBlock,
  size: number | undefined,
): BadBlock | undefined {
  if (size === undefined) {
    return {
      block: name,
      code: 'repository.block_missing',
      message: `block data/${name} is not there`,
    }
  }
  if (BigInt(size) === block.blockSize) return undefined
  return {
    block: name,
    code: 'repository.block_corrupt',
    message: `block data/${name} is ${size} bytes long, not ${block.blockSize}`,
  }
}

async function readOne(
  repo: Repository,
  {
    name,
    block,
    bad,
  }: {
    readonly name: string
    readonly block: BackupBlock
    readonly bad: Map<string, BadBlock>
  },
  tools: VerifyTools,
  io: Io,
): Promise<void> {
  try {
    await withBlock(repo, block, tools, io, () => {})
  } catch (thrown) {
    const error = asBkpError(thrown)
    const { code } = error
    if (code !== 'repository.block_missing' && code !== 'repository.block_corrupt') throw error
    bad.set(name, { block: name, code, message: error.message })
  }
}

/** A percentage of the blocks, other ones each time. */
function sampler({
  readData,
  random,
}: CheckBlocksOptions): (block: Pick<BackupBlock, 'blockId'>) => boolean {
  if (typeof readData === 'boolean') return () => readData
  if (!(readData >= 0 && readData <= 100)) {
    throw new BkpError('usage.invalid', `${readData} is not a percentage`, {
      hint: 'write --read-data=5 for five percent of the blocks',
    })
  }
  const salt = random(16)
  return ({ blockId }) => {
    const place = sha256(Buffer.concat([salt, Buffer.from(blockId)])).readUInt32BE(0)
    return place < (readData / 100) * 2 ** 32
  }
}
