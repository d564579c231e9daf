import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { BlockWriter } from './blocks.ts'
import { changeOf, changesOf, sourceChanged } from './changed.ts'
import type { Collector } from './collector.ts'
import type { Geometry } from './geometry.ts'
import { sha256 } from './manifest.ts'
import type { BackupFile } from './manifest_pb.ts'
import { createPacker } from './pack.ts'
import type { SourceRoot } from './source.ts'
import { type StoredContent, storeDifference, streamFile } from './store-large.ts'
import { type Surveyed, type SurveyOptions, surveyHost } from './survey.ts'

export interface StoreHostOptions extends SurveyOptions {
  readonly writer: BlockWriter
  readonly collector: Collector
  readonly geometry: Geometry
  /** What to do about a file that does not stay as it is: the backup fails, or tells and goes on. */
  readonly changedFiles: 'fail' | 'warn'
  /** Called after each entry with the bytes it stands for: beats and checkpoints hang on it. */
  readonly tick: (bytes: number) => Promise<void>
}

/** Small files asked for at once, at most. */
const batchFiles = 512

interface Batch {
  readonly root: SourceRoot
  readonly files: Surveyed[]
  bytes: number
}

/** Backs up one host: what is unchanged is named again, what changed is read and stored. */
export async function storeHost(options: StoreHostOptions, io: Io): Promise<void> {
  const { collector, geometry, tick } = options
  const packer = createPacker(options.writer, geometry.blockBytes)
  let batch: Batch | undefined
  const flush = async (): Promise<void> => {
    if (batch === undefined) return
    const full = batch
    batch = undefined
    await storeSmallFiles(options, full.root, full.files, packer.add, io)
    await tick(full.bytes)
  }
  for await (const item of surveyHost(options, io)) {
    const { file, root, decision } = item
    const size = Number(file.size)
    if (decision.kind === 'keep') {
      await collector.add(file, [], 0)
      await tick(0)
    } else if (decision.kind === 'reuse') {
      await collector.add(
        { ...file, blocks: decision.from.blocks, sha256: decision.from.sha256 },
        [],
        size,
      )
      await tick(size)
    } else if (size < geometry.packedBelowBytes) {
      const isFull =
        batch !== undefined &&
        (batch.root !== root ||
          batch.files.length >= batchFiles ||
          batch.bytes + size > geometry.blockBytes)
      if (isFull) await flush()
      batch ??= { root, files: [], bytes: 0 }
      batch.files.push(item)
      batch.bytes += size
    } else {
      await storeLargeFile(options, item, io)
      await tick(size)
    }
  }
  await flush()
  await packer.flush()
}

async function storeSmallFiles(
  options: StoreHostOptions,
  root: SourceRoot,
  items: readonly Surveyed[],
  pack: ReturnType<typeof createPacker>['add'],
  io: Io,
): Promise<void> {
  const { source, collector } = options
  const entries = items.map(({ entry }) => entry)
  const contents: (Uint8Array | Error)[] = []
  for await (const answer of source.readFiles(root, entries, io)) {
    contents[answer.index] = 'bytes' in answer ? answer.bytes : answer.error
  }
  const changes = await changesOf(source, root, entries, io)
  for (const [index, item] of items.entries()) {
    const { file, entry, decision } = item
    const content =
      contents[index] ?? new BkpError('internal', `${source.host}: a file was not read`)
    const change = changes[index] ?? sizeChange(content, entry.sizeBytes)
    if (change !== undefined) {
      const error = sourceChanged(source.host, root, entry, change)
      if (options.changedFiles === 'fail') throw error
      options.warn(error.message)
    } else if (content instanceof Error) throw content
    if (content instanceof Error) continue
    const digest = sha256(content)
    const stored: BackupFile = { ...file, size: BigInt(content.length), sha256: digest }
    const previous = decision.kind === 'read' ? decision.previous : undefined
    if (content.length === 0) await collector.add(stored, [], 0)
    else if (previous !== undefined && hasContent(previous, content.length, digest, options)) {
      await collector.add({ ...stored, blocks: previous.blocks }, [], content.length)
    } else {
      await pack(content, async ({ block, stored: acknowledged }) => {
        await collector.add({ ...stored, blocks: [block] }, [acknowledged], 0)
      })
    }
  }
}

function sizeChange(content: Uint8Array | Error, sizeBytes: number): string | undefined {
  if (content instanceof Error || content.length === sizeBytes) return undefined
  return content.length < sizeBytes ? 'shrank' : 'grew'
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

async function storeLargeFile(options: StoreHostOptions, item: Surveyed, io: Io): Promise<void> {
  const { source, collector } = options
  const { file, root, entry, decision } = item
  const warns = options.changedFiles === 'warn'
  const previous = decision.kind === 'read' ? decision.previous : undefined
  let content: StoredContent
  try {
    content = await storeContent(options, item, previous, io)
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
  const { writer, geometry, changedFiles } = options
  const warns = changedFiles === 'warn'
  const large = { source: options.source, root: item.root, entry: item.entry }
  if (previous !== undefined) {
    try {
      return await storeDifference(large, writer, geometry.blockBytes, io)
    } catch (error) {
      const changed = error instanceof BkpError && error.code === 'repository.source_changed'
      if (!changed || !warns) throw error
    }
  }
  return await streamFile(large, writer, geometry.blockBytes, warns, io)
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
