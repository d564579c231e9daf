import pLimit from 'p-limit'
import type { RandomBytes } from '../base/clock.ts'
import { asBkpError, BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { ObjectInfo } from '../storage/contract.ts'
import { key } from '../storage/key.ts'
import { entriesInScope, type FileScope } from './extract/scope.ts'
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
  /** Where the time was up; undefined where all was checked. */
  readonly stopped: StoppedAt | undefined
}

/** How far a check came before its time was up. */
export interface StoppedAt {
  /** The last backup whose list was read; undefined where all were. */
  readonly backup: BackupName | undefined
  readonly backupsLeft: number
  /** Name of the last block that was checked; where it began, when it came to none. */
  readonly block: string
  /** Bytes of blocks that this run has been through. */
  readonly movedBytes: number
  /** It came to the end of all, and went on at the beginning. */
  readonly reachedEnd: boolean
  /** From the first name to `block`, and of all. */
  readonly passedBytes: number
  readonly totalBytes: number
}

export interface CheckBlocksOptions {
  readonly readData: boolean | number
  readonly random: RandomBytes
  readonly tools: VerifyTools
  /** Only blocks of these files, and the lists that name them. */
  readonly files?: FileScope | undefined
  /** Blocks behind this name come first, those up to it last. */
  readonly after?: string
  /** Asked before each backup and block. */
  readonly isTimeUp?: () => boolean
  /** There was no time for all backups: blocks are not compared with what some of them name. */
  readonly listsOnly?: boolean
  /** Told of objects that no backup names: where all is compared from the beginning. */
  readonly garbage?: (object: ObjectInfo) => void
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
  const { after = '', isTimeUp = () => false } = options
  const isSampled = sampler(options)
  const references = createSorter(scratch)
  const unlisted: { readonly backup: BackupName; readonly error: BkpError }[] = []
  const bad = new Map<string, BadBlock>()
  const nothing = {
    block: after,
    movedBytes: 0,
    reachedEnd: false,
    passedBytes: 0,
    totalBytes: 0,
  }
  for (const [index, backup] of backups.entries()) {
    // One at least, here and below: the next run begins behind it.
    if (index > 0 && isTimeUp()) {
      const stopped = {
        ...nothing,
        backup: backups[index - 1]?.name ?? '',
        backupsLeft: backups.length - index,
      }
      return { checked: { blocks: 0, bytes: 0 }, bad, unlisted, stopped }
    }
    try {
      await addReferences(repo, backup, { references, files: options.files }, io)
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!isDamage(error)) throw error
      unlisted.push({ backup: backup.name, error })
    }
  }
  if (options.listsOnly === true) {
    const stopped = { ...nothing, backup: backups.at(-1)?.name ?? '', backupsLeft: 0 }
    return { checked: { blocks: 0, bytes: 0 }, bad, unlisted, stopped }
  }
  const totalBytes = await bytesUpTo(references, undefined)
  const counts = { blocks: 0, bytes: 0, movedBytes: 0 }
  const reading = startReads(repo, bad, options.tools, io)
  const compare = (range: Range): Promise<string | undefined> =>
    compareRange(repo, references, range, { ...options, isTimeUp }, io, {
      bad,
      see: bytes => {
        counts.blocks += 1
        counts.movedBytes += bytes
      },
      read: async (name, block) => {
        if (!isSampled(block)) return
        counts.bytes += Number(block.blockSize)
        await reading.begin(name, block)
        const share = typeof options.readData === 'number' ? options.readData / 100 : 1
        io.progress(counts.bytes, Math.round(totalBytes * share))
      },
    })
  let last = await compare({ after, upTo: undefined })
  const reachedEnd = last === undefined && after !== ''
  if (reachedEnd) last = await compare({ after: '', upTo: after })
  await reading.end()
  const { blocks, bytes, movedBytes } = counts
  const stopped =
    last === undefined
      ? undefined
      : {
          backup: undefined,
          backupsLeft: 0,
          block: last,
          movedBytes,
          reachedEnd,
          passedBytes: await bytesUpTo(references, last),
          totalBytes,
        }
  return { checked: { blocks, bytes }, bad, unlisted, stopped }
}

/** Names behind `after`, up to `upTo`. */
interface Range {
  readonly after: string
  readonly upTo: string | undefined
}

/** What becomes of the references that are compared. */
interface Compared {
  readonly bad: Map<string, BadBlock>
  /** A block, once for each name. */
  see(bytes: number): void
  /** One that is there with its size. */
  read(name: string, block: BackupBlock): Promise<void>
}

/** Gives the last name that was compared when the time was up, and nothing when it was not. */
async function compareRange(
  repo: Repository,
  references: Sorter,
  { after, upTo }: Range,
  { isTimeUp, garbage }: Pick<CheckBlocksOptions, 'garbage'> & { readonly isTimeUp: () => boolean },
  io: Io,
  { bad, see, read }: Compared,
): Promise<string | undefined> {
  const start = after === '' ? undefined : key(`${dataPrefix}${after}`)
  const listed = await openCursor<ObjectInfo>(repo.storage.list(dataPrefix, io, start))
  const tellGarbage = after === '' && upTo === undefined ? garbage : undefined
  let previous = after
  let matched = ''
  const passBy = async (): Promise<void> => {
    const object = listed.value
    if (object !== undefined && object.key !== matched) tellGarbage?.(object)
    await listed.next()
  }
  for await (const { key: sortKey, value } of unique(references.sorted())) {
    io.signal.throwIfAborted()
    const name = nameIn(sortKey)
    if (name <= after) continue
    if (upTo !== undefined && name > upTo) return undefined
    if (name !== previous && previous !== after && isTimeUp()) return previous
    const block = decodeBlock(value)
    const wanted = Buffer.from(name)
    while (listed.value !== undefined && Buffer.compare(nameOf(listed.value), wanted) < 0) {
      await passBy()
    }
    const found = listed.value !== undefined && nameOf(listed.value).equals(wanted)
    const size = found ? listed.value?.sizeBytes : undefined
    if (found) matched = listed.value?.key ?? ''
    if (name !== previous) see(Number(block.blockSize))
    previous = name
    const fault = sizeFault(name, block, size)
    if (fault !== undefined) bad.set(name, fault)
    else await read(name, block)
  }
  if (tellGarbage !== undefined) while (listed.value !== undefined) await passBy()
  return undefined
}

/** Bytes of blocks up to a name, or of all: each once. */
async function bytesUpTo(references: Sorter, last: string | undefined): Promise<number> {
  let bytes = 0
  let previous = ''
  for await (const { key: sortKey, value } of references.sorted()) {
    const name = nameIn(sortKey)
    if (last !== undefined && name > last) break
    if (name !== previous) bytes += Number(decodeBlock(value).blockSize)
    previous = name
  }
  return bytes
}

function nameIn(sortKey: Buffer): string {
  return sortKey.subarray(0, sortKey.indexOf(0)).toString()
}

/** Reads blocks beside the comparison, which waits where too many are under way. */
function startReads(
  repo: Repository,
  bad: Map<string, BadBlock>,
  tools: VerifyTools,
  io: Io,
): { begin(name: string, block: BackupBlock): Promise<void>; end(): Promise<void> } {
  const limit = pLimit(tools.inFlight)
  const reading = new Set<Promise<void>>()
  return {
    begin: async (name, block) => {
      const task = limit(() => readOne(repo, { name, block, bad }, tools, io))
      const tracked: Promise<void> = task.finally(() => reading.delete(tracked))
      tracked.catch(() => {})
      reading.add(tracked)
      if (reading.size >= mostUnderWay) await Promise.race(reading)
    },
    end: async () => void (await Promise.all(reading)),
  }
}

/** Reads waiting for their turn before the comparison waits too. */
const mostUnderWay = 16

/** Sorted as keys are listed; the size is part of the key, for a manifest that lies about it. */
async function addReferences(
  repo: Repository,
  backup: Backup,
  { references, files }: { readonly references: Sorter; readonly files: FileScope | undefined },
  io: Io,
): Promise<void> {
  const add = async (block: BackupBlock): Promise<void> => {
    const name = blockKey(block).slice(dataPrefix.length)
    const whole = { ...block, offset: 0n }
    await references.add(Buffer.from(`${name}\0${block.blockSize}`), encodeBlock(whole))
  }
  if (files !== undefined) {
    for (const block of backup.manifest.storageIndex) await add(block)
    for await (const file of entriesInScope(repo, backup, files, io)) {
      for (const block of file.blocks) await add(block)
    }
    return
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
}: Pick<CheckBlocksOptions, 'readData' | 'random'>): (
  block: Pick<BackupBlock, 'blockId'>,
) => boolean {
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
