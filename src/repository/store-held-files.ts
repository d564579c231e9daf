import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { changesOf, sourceChanged } from './changed.ts'
import type { BackupFile } from './manifest_pb.ts'
import type { HeldPack, Outbox, SourceEntry, SourceRoot } from './source.ts'
import { cannotSend, storeHeldBlock } from './store-held.ts'
import type { StoreHostOptions } from './store-host.ts'
import type { Surveyed } from './survey.ts'

/**
 * Small files that their host packs and sends by itself; those that were touched and not changed are
 * named again. Gives what must be read: what could not be packed, and why that was, is found there.
 * @throws repository.source_changed, ssh.*, storage.*
 */
export async function storeHeldFiles(
  options: StoreHostOptions,
  outbox: Outbox,
  { root, files: items }: { readonly root: SourceRoot; readonly files: readonly Surveyed[] },
  io: Io,
): Promise<readonly Surveyed[]> {
  const same = await findSame(options, outbox, root, items, io)
  const others = items.filter(item => !same.has(item))
  const pack = await packOrNothing(options, outbox, root, others, io)
  const left: Surveyed[] = []
  const taken = [...same.keys()].map(item => ({ item, sizeBytes: item.entry.sizeBytes }))
  for (const [index, item] of others.entries()) {
    const range = pack?.files[index]
    if (range === undefined) left.push(item)
    else taken.push({ item, sizeBytes: range.sizeBytes })
  }
  try {
    await checkUnchanged(options, root, taken, io)
    for (const [item, previous] of same) {
      const { blocks, sha256 } = previous
      await options.collector.add({ ...item.file, blocks, sha256 }, [], item.entry.sizeBytes)
    }
    if (pack !== undefined) await storePack(options, pack, others)
  } finally {
    pack?.release()
  }
  return left
}

/** Files that hold what an earlier backup has, although something about them is new. */
async function findSame(
  { garbage }: StoreHostOptions,
  outbox: Outbox,
  root: SourceRoot,
  items: readonly Surveyed[],
  io: Io,
): Promise<ReadonlyMap<Surveyed, BackupFile>> {
  const candidates = items.flatMap(item => {
    const previous = item.decision.kind === 'read' ? item.decision.previous : undefined
    const may =
      previous !== undefined &&
      previous.size === item.file.size &&
      // A root that is a file may be reached through a link.
      item.entry.path.length > 0 &&
      !previous.blocks.some(garbage.isCondemned)
    return may ? [{ item, previous }] : []
  })
  const same = new Map<Surveyed, BackupFile>()
  if (candidates.length === 0) return same
  const entries = candidates.map(({ item }) => item.entry)
  const sums = await outbox.hashFiles(root, entries, io).catch((error: unknown) => {
    // Which of them, and what to do about it, is found when they are read.
    if (error instanceof BkpError && error.code === 'file.unreadable') return []
    throw error
  })
  for (const [index, { item, previous }] of candidates.entries()) {
    const sum = sums[index]
    if (sum !== undefined && Buffer.compare(sum, previous.sha256) === 0) same.set(item, previous)
  }
  return same
}

async function packOrNothing(
  { geometry }: StoreHostOptions,
  outbox: Outbox,
  root: SourceRoot,
  items: readonly Surveyed[],
  io: Io,
): Promise<HeldPack | undefined> {
  if (items.length === 0) return undefined
  const entries = items.map(({ entry }) => entry)
  const bytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  try {
    const pack = await outbox.packFiles(root, entries, io)
    if (pack.lengthBytes <= geometry.blockBytes) return pack
    pack.release()
    outbox.wentRound(bytes, 'small files grew while they were packed')
  } catch (error) {
    const isUnreadable = error instanceof BkpError && error.code === 'file.unreadable'
    if (cannotSend(error)) outbox.wentRound(bytes, error.message)
    else if (!isUnreadable) throw error
  }
  return undefined
}

/** Nothing of them changed since the walk, or the reader is told. */
async function checkUnchanged(
  { source, changedFiles, warn }: StoreHostOptions,
  root: SourceRoot,
  taken: readonly { readonly item: Surveyed; readonly sizeBytes: number }[],
  io: Io,
): Promise<void> {
  if (taken.length === 0) return
  const entries = taken.map(({ item }) => item.entry)
  const changes = await changesOf(source, root, entries, io)
  for (const [index, entry] of entries.entries()) {
    const change = changes[index] ?? sizeChange(entry, taken[index]?.sizeBytes)
    if (change === undefined) continue
    const error = sourceChanged(source.host, root, entry, change)
    if (changedFiles === 'fail') throw error
    warn(error.message)
  }
}

function sizeChange(entry: SourceEntry, sizeBytes = entry.sizeBytes): string | undefined {
  if (sizeBytes === entry.sizeBytes) return undefined
  return sizeBytes < entry.sizeBytes ? 'shrank' : 'grew'
}

async function storePack(
  { writer, collector }: StoreHostOptions,
  pack: HeldPack,
  items: readonly Surveyed[],
): Promise<void> {
  const written = pack.lengthBytes === 0 ? undefined : await storeHeldBlock(writer, pack)
  for (const [index, { file }] of items.entries()) {
    const range = pack.files[index]
    if (range === undefined) continue
    const { offset, sizeBytes, sha256 } = range
    const stored: BackupFile = { ...file, size: BigInt(sizeBytes), sha256 }
    if (sizeBytes === 0 || written === undefined) await collector.add(stored, [], 0)
    else {
      const block = { ...written.block, offset: BigInt(offset) }
      await collector.add({ ...stored, blocks: [block] }, [written.stored], 0)
    }
  }
}
