import type { SortCodec } from './sorter.ts'
import type { SourceEntry } from './source.ts'

const types = ['file', 'directory', 'symlink', 'other'] as const
const fixedBytes = 1 + 2 + 8 + 8 + 8 + 8

/** What the objects of an entry take, beside the bytes of its names. */
const objectBytes = 500

/** Entries of a host by their path, in and out of scratch room. */
export const entryCodec: SortCodec<SourceEntry> = Object.freeze({
  key: ({ path }: SourceEntry) => path,
  sizeBytes: (entry: SourceEntry) =>
    entry.path.length +
    (entry.symlinkTarget?.length ?? 0) +
    (entry.etag?.length ?? 0) +
    objectBytes,
  encode: encodeEntry,
  decode: decodeEntry,
})

function encodeEntry(entry: SourceEntry): Uint8Array {
  const texts = [
    Buffer.from(entry.user),
    Buffer.from(entry.group),
    Buffer.from(entry.etag ?? ''),
    entry.path,
    ...(entry.symlinkTarget === undefined ? [] : [entry.symlinkTarget]),
  ]
  const length = texts.reduce((sum, text) => sum + 4 + text.length, fixedBytes)
  const bytes = Buffer.allocUnsafe(length)
  let at = bytes.writeUInt8(types.indexOf(entry.type), 0)
  at = bytes.writeUInt16LE(entry.mode, at)
  at = bytes.writeDoubleLE(entry.sizeBytes, at)
  at = bytes.writeBigInt64LE(entry.mtimeNs, at)
  at = bytes.writeBigInt64LE(entry.ctimeNs, at)
  at = bytes.writeBigUInt64LE(entry.inode, at)
  for (const text of texts) {
    at = bytes.writeUInt32LE(text.length, at)
    bytes.set(text, at)
    at += text.length
  }
  return bytes
}

function decodeEntry(bytes: Buffer): SourceEntry {
  let at = fixedBytes
  const next = (): Buffer => {
    const end = at + 4 + bytes.readUInt32LE(at)
    const text = bytes.subarray(at + 4, end)
    at = end
    return text
  }
  const [user, group, etag] = [next().toString(), next().toString(), next().toString()]
  const path = next()
  return {
    path,
    type: types[bytes.readUInt8(0)] ?? 'other',
    sizeBytes: bytes.readDoubleLE(3),
    mode: bytes.readUInt16LE(1),
    user,
    group,
    mtimeNs: bytes.readBigInt64LE(11),
    ctimeNs: bytes.readBigInt64LE(19),
    inode: bytes.readBigUInt64LE(27),
    ...(etag === '' ? {} : { etag }),
    ...(at < bytes.length ? { symlinkTarget: next() } : {}),
  }
}
