import { type ByteSource, byteSource } from '../byte-source.ts'
import { brokenArchive, paddingBytes, tarBlockBytes, type UnpackedEntry } from './entry.ts'

/** Longest name, target or pax header taken: far above PATH_MAX, far below what would hurt. */
const extensionLimitBytes = 1024 * 1024
const nanosecondsPerSecond = 1_000_000_000n

async function exactly(source: ByteSource, length: number): Promise<Buffer> {
  const bytes = await source.exactly(length)
  if (bytes === undefined) throw brokenArchive('it ends in the middle of an entry')
  return bytes
}

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

/** Octal text, or GNU's base-256 where the first bit is set. */
function number(header: Buffer, offset: number, length: number): bigint {
  const field = header.subarray(offset, offset + length)
  const first = field[0] ?? 0
  if ((first & 0x80) !== 0) {
    const bits = field.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
    // 0xff begins a negative number in two's complement, 0x80 a positive one.
    return first === 0xff
      ? BigInt.asIntN(8 * length, bits)
      : bits & ((1n << BigInt(8 * length - 1)) - 1n)
  }
  const text = untilNul(field).toString('latin1').trim()
  if (!/^[0-7]*$/.test(text)) throw brokenArchive('a number in a header is no number')
  return text === '' ? 0n : BigInt(`0o${text}`)
}

function checkSum(header: Buffer): void {
  const blank = 0x20
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? blank : byte), 0)
  if (number(header, 148, 8) !== BigInt(sum)) throw brokenArchive('a header has a wrong checksum')
}

/** `LENGTH key=value\n`, one after the other; values are bytes. */
function paxRecords(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(0x20, at)
    const length = Number(bytes.subarray(at, Math.max(at, blank)).toString('latin1'))
    const equals = bytes.indexOf(0x3d, blank)
    const end = at + length
    const isWhole = blank > at && length > 0 && equals > blank && end <= bytes.length
    if (!isWhole || bytes[end - 1] !== 0x0a) throw brokenArchive('a pax header is not well-formed')
    records.set(bytes.subarray(blank + 1, equals).toString(), bytes.subarray(equals + 1, end - 1))
    at = end
  }
  return records
}

function paxTime(text: string): bigint {
  const [, sign, seconds, fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? []
  if (seconds === undefined) throw brokenArchive('an mtime is no number')
  const ns = BigInt(seconds) * nanosecondsPerSecond + BigInt(fraction.padEnd(9, '0').slice(0, 9))
  return sign === '-' ? -ns : ns
}

const types: Readonly<Record<string, UnpackedEntry['type']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
}

/** What 'L', 'K' and 'x' entries said of the entry that follows them. */
interface Extensions {
  readonly path?: Buffer
  readonly target?: Buffer
  readonly pax: ReadonlyMap<string, Buffer>
}

const noExtensions: Extensions = { pax: new Map() }

function sizeOf(header: Buffer, pax: ReadonlyMap<string, Buffer>): number {
  const size = Number(pax.get('size')?.toString('latin1') ?? number(header, 124, 12))
  if (!Number.isSafeInteger(size) || size < 0) throw brokenArchive('a size is no size')
  return size
}

function headerPath(header: Buffer): Buffer {
  const name = untilNul(header.subarray(0, 100))
  // GNU's own magic has two blanks; POSIX has a NUL, and a prefix for long paths.
  if (header.subarray(257, 263).toString('latin1') !== 'ustar\0') return name
  const prefix = untilNul(header.subarray(345, 500))
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name])
}

function entryOf(header: Buffer, extensions: Extensions): Omit<UnpackedEntry, 'content'> {
  const { pax } = extensions
  const type = types[header.subarray(156, 157).toString('latin1')] ?? 'other'
  const name = (offset: number, key: string) =>
    (pax.get(key) ?? untilNul(header.subarray(offset, offset + 32))).toString()
  const target = pax.get('linkpath') ?? extensions.target ?? untilNul(header.subarray(157, 257))
  const mtime = pax.get('mtime')
  return {
    path: new Uint8Array(pax.get('path') ?? extensions.path ?? headerPath(header)),
    type,
    sizeBytes: sizeOf(header, pax),
    mode: Number(number(header, 100, 8)) & 0o7777,
    mtimeNs:
      mtime === undefined
        ? number(header, 136, 12) * nanosecondsPerSecond
        : paxTime(mtime.toString('latin1')),
    user: name(265, 'uname'),
    group: name(297, 'gname'),
    uid: Number(number(header, 108, 8)),
    gid: Number(number(header, 116, 8)),
    ...(type === 'symlink' || type === 'hardlink' ? { target: new Uint8Array(target) } : {}),
  }
}

async function readExtension(
  source: ByteSource,
  header: Buffer,
  flag: string,
  known: Extensions,
): Promise<Extensions> {
  const size = sizeOf(header, noExtensions.pax)
  if (size > extensionLimitBytes) throw brokenArchive('a name is longer than a name can be')
  const bytes = (await exactly(source, size + paddingBytes(size))).subarray(0, size)
  if (flag === 'L') return { ...known, path: Buffer.from(untilNul(bytes)) }
  if (flag === 'K') return { ...known, target: Buffer.from(untilNul(bytes)) }
  // A global header ('g') would hold for all entries; nothing that we read writes one.
  return flag === 'x' ? { ...known, pax: paxRecords(Buffer.from(bytes)) } : known
}

/**
 * Entries of a tar archive (GNU, ustar and pax), names as bytes. Content must be read in order; what
 * was left unread is skipped. @throws command.failed when the archive is broken or has no end
 */
export async function* decodeTar(
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<UnpackedEntry, void> {
  const iterator = archive[Symbol.asyncIterator]()
  const source = byteSource(iterator)
  let extensions = noExtensions
  try {
    for (;;) {
      const header = Buffer.from(await exactly(source, tarBlockBytes))
      if (header.every(byte => byte === 0)) break
      checkSum(header)
      const flag = header.subarray(156, 157).toString('latin1')
      if (flag === 'L' || flag === 'K' || flag === 'x' || flag === 'g') {
        extensions = await readExtension(source, header, flag, extensions)
        continue
      }
      const entry = entryOf(header, extensions)
      extensions = noExtensions
      const stored = entry.type === 'file' || entry.type === 'other' ? entry.sizeBytes : 0
      let unread = stored
      const content = async function* (): AsyncGenerator<Uint8Array, void> {
        while (unread > 0) {
          const bytes = await source.some(unread)
          if (bytes === undefined) throw brokenArchive('it ends in the middle of a file')
          unread -= bytes.length
          yield bytes
        }
      }
      yield { ...entry, content: content() }
      for await (const _ of content()) {
        // Skips what the reader left.
      }
      await exactly(source, paddingBytes(stored))
    }
    // Blocks of zeros fill the archive's last record; they are read so that the writer can end.
    for await (const rest of source.rest()) {
      if (rest.some(byte => byte !== 0)) throw brokenArchive('something follows its end')
    }
  } finally {
    await iterator.return?.()
  }
}
