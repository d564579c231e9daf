import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { BlockWriter } from './blocks.ts'
import { changeOf, changesOf, sourceChanged } from './changed.ts'
import type { Collector } from './collector.ts'
import type { Geometry } from './geometry.ts'
import type { BackupFile } from './manifest_pb.ts'
import { createPacker, type Packer } from './pack.ts'
import { runSideBySide } from './side-by-side.ts'
import type { HostSource, Outbox, ReadTools, SmallFile, SourceRoot } from './source.ts'
import { cannotSend, storeHeldFile } from './store-held.ts'
import { storeHeldFiles } from './store-held-files.ts'
import { type LargeFile, type StoredContent, storeDifference, streamFile } from './store-large.ts'
import { type Surveyed, type SurveyOptions, surveyHost } from './survey.ts'

export interface StoreHostOptions extends SurveyOptions {
  readonly writer: BlockWriter
  readonly collector: Collector
  readonly geometry: Geometry
  readonly tools: ReadTools
  /** Where the host sends by itself. */
  readonly outbox?: Outbox
  /** What to do about a file that does not stay as it is: the backup fails, or tells and goes on. */
  readonly changedFiles: 'fail' | 'warn'
  /** Called for what is left out, and for what changed and need not fail. */
  readonly warn: (warning: string) => void
  /** Called as bytes are through, of a large file block by block: beats and checkpoints hang on it. */
  readonly tick: (bytes: number) => Promise<void>
}

/** Small files asked for at once, at most. */
const batchFiles = 512
/** Small files that a host packs at once: each batch is a pack. */
const heldBatchFiles = 4096

/** Entries without anything to read that one tick stands for. */
const entriesATick = 256

interface Batch {
  readonly root: SourceRoot
  readonly files: Surveyed[]
  bytes: number
}

/**
 * Backs up one host: what is unchanged is named again, what changed is read and stored. Large files
 * are read side by side; small ones batch by batch beside them, so that packs keep the order of paths.
 */
export async function storeHost(options: StoreHostOptions, io: Io): Promise<void> {
  const { source } = options
  await runSideBySide(source.filesInFlight, io, async (begin, ownIo) => {
    await storeEntries(options, begin, ownIo)
  })
}

async function storeEntries(
  options: StoreHostOptions,
  begin: (work: () => Promise<void>) => Promise<void>,
  io: Io,
): Promise<void> {
  const { collector, geometry, tick, tools, outbox } = options
  const mostFiles = outbox === undefined ? batchFiles : heldBatchFiles
  const packer = createPacker(options.writer, geometry.blockBytes, tools.workers)
  let batch: Batch | undefined
  let packed: Promise<void> = Promise.resolve()
  const flush = async (): Promise<void> => {
    if (batch === undefined) return
    const full = batch
    const before = packed
    batch = undefined
    await begin(async () => {
      packed = storeBatch(options, full, { pack: packer.add, before }, io)
      await packed
      await tick(full.bytes)
    })
  }
  const passed = { entries: 0, bytes: 0 }
  const pass = async (bytes: number): Promise<void> => {
    passed.entries += 1
    passed.bytes += bytes
    if (passed.entries % entriesATick !== 0) return
    await tick(passed.bytes)
    passed.bytes = 0
  }
  for await (const item of surveyHost(options, io)) {
    const { file, root, decision } = item
    const size = Number(file.size)
    if (decision.kind === 'keep') {
      await collector.add(file, [], 0)
      await pass(0)
    } else if (decision.kind === 'reuse') {
      const { blocks, sha256 } = decision.from
      await collector.add({ ...file, blocks, sha256 }, [], size)
      await pass(size)
    } else if (size < geometry.packedBelowBytes) {
      const isFull =
        batch !== undefined &&
        (batch.root !== root ||
          batch.files.length >= mostFiles ||
          batch.bytes + size > geometry.blockBytes)
      if (isFull) await flush()
      batch ??= { root, files: [], bytes: 0 }
      batch.files.push(item)
      batch.bytes += size
    } else {
      await begin(async () => {
        const done = countUpTo(size, tick)
        await storeLargeFile(options, item, done.some, io)
        await done.rest()
      })
    }
  }
  await tick(passed.bytes)
  await flush()
  await packed
  await packer.flush()
}

/** Ticks for so many bytes altogether, whatever is read twice or turns out longer or shorter. */
function countUpTo(
  bytes: number,
  tick: StoreHostOptions['tick'],
): { some(bytes: number): Promise<void>; rest(): Promise<void> } {
  let left = bytes
  const some = async (more: number): Promise<void> => {
    const counted = Math.min(more, left)
    left -= counted
    await tick(counted)
  }
  return { some, rest: () => some(left) }
}

/** What comes before a batch, and where its files go. */
interface BatchPlace {
  readonly pack: Packer['add']
  readonly before: Promise<void>
}

/** What the host does not send of a batch by itself is read; a batch is done when those before it are. */
async function storeBatch(
  options: StoreHostOptions,
  batch: Batch,
  place: BatchPlace,
  io: Io,
): Promise<void> {
  const { outbox } = options
  if (outbox === undefined) return await storeSmallFiles(options, batch, place, io)
  const left = await storeHeldFiles(options, outbox, batch, io)
  for (let at = 0; at < left.length; at += batchFiles) {
    const files = left.slice(at, at + batchFiles)
    await storeSmallFiles(options, { ...batch, files }, place, io)
  }
  await place.before
}

/** Reads a batch at once, and packs it when the batch before it is packed: packs follow the paths. */
async function storeSmallFiles(
  options: StoreHostOptions,
  { root, files: items }: Batch,
  { pack, before }: BatchPlace,
  io: Io,
): Promise<void> {
  const { source, tools } = options
  const entries = items.map(({ entry }) => entry)
  const { files, release } = await source.readFiles(root, entries, tools, io)
  try {
    const changes = await smallChanges(options, root, items, files, io)
    await before
    for (const [index, item] of items.entries()) {
      const content: SmallFile = files[index] ?? {
        error: new BkpError('internal', `${source.host}: a file was not read`),
      }
      const change = changes[index] ?? sizeChange(content, item.entry.sizeBytes)
      if (change !== undefined) {
        const error = sourceChanged(source.host, root, item.entry, change)
        if (options.changedFiles === 'fail') throw error
        options.warn(error.message)
      } else if ('error' in content) throw content.error
      if (!('error' in content)) await storeSmallFile(options, item, content, pack)
    }
  } finally {
    release()
  }
}

/** How each file differs from what the walk saw: known with the bytes, or asked afterwards. */
async function smallChanges(
  { source }: StoreHostOptions,
  root: SourceRoot,
  items: readonly Surveyed[],
  files: readonly SmallFile[],
  io: Io,
): Promise<readonly (string | undefined)[]> {
  const entries = items.map(({ entry }) => entry)
  const states = files.map(file => ('error' in file ? undefined : file.now))
  if (states.some(now => now === undefined)) return await changesOf(source, root, entries, io)
  return entries.map((entry, index) => changeOf(entry, states[index] ?? undefined, root))
}

async function storeSmallFile(
  options: StoreHostOptions,
  { file, decision }: Surveyed,
  { bytes, sha256 }: Exclude<SmallFile, { readonly error: Error }>,
  pack: Packer['add'],
): Promise<void> {
  const { collector } = options
  const { length } = bytes
  const stored: BackupFile = { ...file, size: BigInt(length), sha256 }
  const previous = decision.kind === 'read' ? decision.previous : undefined
  if (length === 0) await collector.add(stored, [], 0)
  else if (previous !== undefined && hasContent(previous, length, sha256, options)) {
    await collector.add({ ...stored, blocks: previous.blocks }, [], length)
  } else {
    await pack(bytes, async ({ block, stored: acknowledged }) => {
      await collector.add({ ...stored, blocks: [block] }, [acknowledged], 0)
    })
  }
}

function sizeChange(content: SmallFile, sizeBytes: number): string | undefined {
  if ('error' in content || content.bytes.length === sizeBytes) return undefined
  return content.bytes.length < sizeBytes ? 'shrank' : 'grew'
}

/** Touched but not changed: the earlier content serves, unless its block is condemned. */
function hasContent(
  previous: BackupFile,
  sizeBytes: number,
  digest: Uint8Array,
  { garbage }: StoreHostOptions,
): boolean {
  return (
    previous.size === BigInt(sizeBytes) &&
    Buffer.compare(previous.sha256, digest) === 0 &&
    !previous.blocks.some(garbage.isCondemned)
  )
}

async function storeLargeFile(
  options: StoreHostOptions,
  item: Surveyed,
  tick: StoreHostOptions['tick'],
  io: Io,
): Promise<void> {
  const { source, collector } = options
  const { file, root, entry, decision } = item
  const warns = options.changedFiles === 'warn'
  const previous = decision.kind === 'read' ? decision.previous : undefined
  let content: StoredContent
  try {
    content = await storeContent({ ...options, tick }, item, previous, io)
    const [change] = await changesOf(source, root, [entry], io)
    if (change !== undefined) {
      const error = sourceChanged(source.host, root, entry, change)
      if (!warns) throw error
      options.warn(error.message)
    }
  } catch (error) {
    const change = await whyUnreadable(options, item, error, io)
    if (change === undefined) throw error
    const changed = sourceChanged(source.host, root, entry, change)
    if (!warns) throw changed
    options.warn(`${changed.message} and is left out`)
    return
  }
  const blocks = content.blocks.map(({ block }) => block)
  // All of them: a block that another file is sending is not acknowledged yet either.
  const acknowledged = content.blocks.map(({ stored }) => stored)
  const stored = { ...file, size: BigInt(content.sizeBytes), blocks }
  await collector.add(stored, acknowledged, content.reusedBytes)
}

async function storeContent(
  options: StoreHostOptions,
  item: Surveyed,
  previous: BackupFile | undefined,
  io: Io,
): Promise<StoredContent> {
  const { source, writer, geometry, tools, tick, outbox } = options
  const warns = options.changedFiles === 'warn'
  const { blockBytes } = geometry
  const large = { source, root: item.root, entry: item.entry, writer, tools, blockBytes, tick }
  const difference = previous === undefined ? undefined : source.hashBlocks
  if (outbox !== undefined) {
    try {
      return await storeHeldContent(large, outbox, difference, warns, io)
    } catch (error) {
      if (!cannotSend(error)) throw error
      outbox.wentRound(item.entry.sizeBytes, error.message)
    }
  }
  if (difference !== undefined) {
    try {
      return await storeDifference(large, difference, io)
    } catch (error) {
      if (!isChange(error) || !warns) throw error
    }
  }
  return await streamFile(large, warns, io)
}

async function storeHeldContent(
  large: LargeFile,
  outbox: Outbox,
  hashBlocks: HostSource['hashBlocks'],
  takeShort: boolean,
  io: Io,
): Promise<StoredContent> {
  if (hashBlocks !== undefined) {
    try {
      return await storeHeldFile(large, outbox, { hashBlocks, takeShort: false }, io)
    } catch (error) {
      if (!isChange(error) || !takeShort) throw error
    }
  }
  return await storeHeldFile(large, outbox, { takeShort }, io)
}

function isChange(error: unknown): boolean {
  return error instanceof BkpError && error.code === 'repository.source_changed'
}

/** A file that could not be read because it is gone changed; one that may not be read did not. */
async function whyUnreadable(
  { source }: StoreHostOptions,
  { root, entry }: Surveyed,
  error: unknown,
  io: Io,
): Promise<string | undefined> {
  if (!(error instanceof BkpError) || error.code !== 'file.unreadable') return undefined
  for await (const answer of source.stat(root, [entry], io)) {
    return changeOf(entry, answer.entry, root)
  }
  return undefined
}
