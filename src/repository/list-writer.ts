import type { BlockWriter, WrittenBlock } from './blocks.ts'
import type { Geometry } from './geometry.ts'
import { sha256 } from './manifest.ts'
import type { BackupBlock } from './manifest_pb.ts'
import type { Sorted } from './sorter.ts'
import { delimitedHeader } from './wire.ts'

/** Field 1 of a list message: an entry. */
const entryField = 1

/**
 * Stores sorted, encoded entries as list blocks. They are cut after an entry whose key's hash says
 * so, hence at the same places from backup to backup: one changed entry changes one block.
 */
export async function storeList(
  entries: AsyncIterable<Sorted>,
  writer: BlockWriter,
  geometry: Geometry,
): Promise<readonly BackupBlock[]> {
  const blocks: WrittenBlock[] = []
  let parts: Buffer[] = []
  let bytes = 0
  const cut = async (): Promise<void> => {
    blocks.push(await writer.store(Buffer.concat(parts)))
    parts = []
    bytes = 0
  }
  for await (const { key, value } of entries) {
    const framed = frame(value)
    if (bytes > 0 && bytes + framed.length > geometry.blockBytes) await cut()
    parts.push(framed)
    bytes += framed.length
    const cutsHere = sha256(key).readUInt32BE(0) % geometry.listCutEvery === 0
    if (bytes >= geometry.listMinBytes && cutsHere) await cut()
  }
  if (bytes > 0) await cut()
  await Promise.all(blocks.map(({ stored }) => stored))
  return blocks.map(({ block }) => block)
}

/** Where the file entries of a backup went: into the manifest, or into list blocks. */
export interface StoredEntries {
  /** Encoded, for the manifest itself. */
  readonly inline: readonly Uint8Array[]
  readonly index: readonly BackupBlock[]
}

/** Keeps entries for the manifest while they are few; otherwise stores all of them as list blocks. */
export async function storeFileEntries(
  entries: AsyncIterable<Sorted>,
  writer: BlockWriter,
  geometry: Geometry,
): Promise<StoredEntries> {
  const first: Sorted[] = []
  let bytes = 0
  const iterator = entries[Symbol.asyncIterator]()
  while (bytes <= geometry.inlineListBytes) {
    const next = await iterator.next()
    if (next.done === true) {
      return { inline: first.map(({ value }) => value), index: [] }
    }
    first.push(next.value)
    bytes += next.value.value.length
  }
  return { inline: [], index: await storeList(chain(first, iterator), writer, geometry) }
}

async function* chain<T>(first: readonly T[], rest: AsyncIterator<T>): AsyncIterable<T> {
  yield* first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

/** Neighbours with the same key once. */
export async function* unique(entries: AsyncIterable<Sorted>): AsyncIterable<Sorted> {
  let previous: Buffer | undefined
  for await (const entry of entries) {
    if (previous?.equals(entry.key) === true) continue
    previous = entry.key
    yield entry
  }
}

function frame(value: Buffer): Buffer {
  return Buffer.concat([delimitedHeader(entryField, value.length), value])
}
