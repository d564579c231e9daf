import { BkpError } from '../../base/errors.ts'
import { paddingBytes, type TarEntry, tarBlockBytes } from './entry.ts'

/** Places in a header, from GNU tar's `struct oldgnu_header` (src/tar.h); lengths include the NUL of numbers. */
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  user: [265, 32],
  group: [297, 32],
} as const satisfies Record<string, readonly [offset: number, length: number]>

type Field = keyof typeof fields

const typeFlags = { file: '0', directory: '5', symlink: '2' } as const
const nanosecondsPerSecond = 1_000_000_000n

/** Octal text; GNU's base-256 (first bit set) for what does not fit, such as sizes from 8 GiB on. */
function putNumber(header: Buffer, field: Field, value: bigint): void {
  const [offset, length] = fields[field]
  const octal = value >= 0n ? value.toString(8) : undefined
  if (octal !== undefined && octal.length < length) {
    header.write(octal.padStart(length - 1, '0'), offset, 'latin1')
    return
  }
  let rest = BigInt.asUintN(8 * length, value)
  for (let at = offset + length - 1; at >= offset; at -= 1) {
    header[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  header[offset] = (header[offset] ?? 0) | 0x80
}

function putBytes(header: Buffer, field: Field, bytes: Uint8Array): void {
  const [offset, length] = fields[field]
  header.set(bytes.subarray(0, length), offset)
}

interface Header {
  readonly name: Uint8Array
  readonly type: string
  readonly sizeBytes: number
  readonly mode: number
  readonly seconds: bigint
  readonly uid: number
  readonly gid: number
  readonly user: string
  readonly group: string
  readonly link: Uint8Array
}

function headerBlock(header: Header): Buffer {
  const block = Buffer.alloc(tarBlockBytes)
  putBytes(block, 'name', header.name)
  putNumber(block, 'mode', BigInt(header.mode))
  putNumber(block, 'uid', BigInt(header.uid))
  putNumber(block, 'gid', BigInt(header.gid))
  putNumber(block, 'size', BigInt(header.sizeBytes))
  putNumber(block, 'mtime', header.seconds)
  putBytes(block, 'type', Buffer.from(header.type))
  putBytes(block, 'link', header.link)
  // GNU's magic: with it 'L' and 'K' entries and base-256 are the format's own.
  putBytes(block, 'magic', Buffer.from('ustar  \0'))
  putBytes(block, 'user', Buffer.from(header.user))
  putBytes(block, 'group', Buffer.from(header.group))
  putBytes(block, 'checksum', Buffer.from(' '.repeat(8)))
  const sum = block.reduce((total, byte) => total + byte, 0)
  putBytes(block, 'checksum', Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `))
  return block
}

/** An entry that says something of the next one: 'L' and 'K' long names, 'x' pax records. */
function extension(type: 'L' | 'K' | 'x', content: Buffer): Buffer {
  const none = new Uint8Array()
  const names = { L: '././@LongLink', K: '././@LongLink', x: './PaxHeaders' } as const
  const header = headerBlock({
    name: Buffer.from(names[type]),
    type,
    sizeBytes: content.length,
    mode: 0o644,
    seconds: 0n,
    uid: 0,
    gid: 0,
    user: '',
    group: '',
    link: none,
  })
  return Buffer.concat([header, content, Buffer.alloc(paddingBytes(content.length))])
}

/** `LENGTH key=value\n`, where LENGTH counts its own digits, too. */
function paxRecord(key: string, value: string): Buffer {
  const tail = Buffer.from(` ${key}=${value}\n`)
  let length = tail.length
  while (String(length).length + tail.length !== length)
    length = String(length).length + tail.length
  return Buffer.concat([Buffer.from(String(length)), tail])
}

/** Seconds, rounded down as GNU tar wants them, and the nanoseconds above. */
function splitTime(ns: bigint): { readonly seconds: bigint; readonly nanoseconds: bigint } {
  const nanoseconds = ((ns % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond
  return { seconds: (ns - nanoseconds) / nanosecondsPerSecond, nanoseconds }
}

/** Seconds with a fraction, as pax writes it: -1.5 is `-1.5`, not `-2 + 0.5`. */
function paxTime(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns
  const fraction = String(magnitude % nanosecondsPerSecond).padStart(9, '0')
  return `${ns < 0n ? '-' : ''}${magnitude / nanosecondsPerSecond}.${fraction}`
}

function paxRecords(entry: TarEntry, nanoseconds: bigint): Buffer {
  const records: Buffer[] = []
  if (nanoseconds !== 0n) records.push(paxRecord('mtime', paxTime(entry.mtimeNs)))
  const [, userLength] = fields.user
  const [, groupLength] = fields.group
  if (Buffer.byteLength(entry.user) >= userLength) records.push(paxRecord('uname', entry.user))
  if (Buffer.byteLength(entry.group) >= groupLength) records.push(paxRecord('gname', entry.group))
  return Buffer.concat(records)
}

function entryHead(entry: TarEntry): Buffer {
  const { seconds, nanoseconds } = splitTime(entry.mtimeNs)
  const slash = entry.type === 'directory' && entry.path.at(-1) !== 0x2f ? '/' : ''
  const name = Buffer.concat([entry.path, Buffer.from(slash)])
  const link = entry.target ?? new Uint8Array()
  const nul = Buffer.alloc(1)
  const pieces: Buffer[] = []
  const pax = paxRecords(entry, nanoseconds)
  if (pax.length > 0) pieces.push(extension('x', pax))
  if (link.length > fields.link[1]) pieces.push(extension('K', Buffer.concat([link, nul])))
  if (name.length > fields.name[1]) pieces.push(extension('L', Buffer.concat([name, nul])))
  pieces.push(
    headerBlock({
      name,
      type: typeFlags[entry.type],
      sizeBytes: entry.type === 'file' ? entry.sizeBytes : 0,
      mode: entry.mode,
      seconds,
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      user: entry.user,
      group: entry.group,
      link,
    }),
  )
  return Buffer.concat(pieces)
}

function checkEntry(entry: TarEntry): void {
  const names = [entry.path, entry.target ?? new Uint8Array()]
  if (entry.path.length > 0 && !names.some(name => name.includes(0))) return
  throw new BkpError('internal', 'a tar entry needs a path, and neither path nor target holds NUL')
}

/** Smaller pieces are put together: a write for each of them would cost more than copying. */
const joinedBytes = 256 * 1024

/**
 * Puts small pieces together, copying them, and passes large ones on as they are. What is put together
 * lies in memory that is used again when the next piece is asked for.
 */
async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const held = Buffer.allocUnsafeSlow(joinedBytes)
  let heldBytes = 0
  for await (const piece of pieces) {
    if (heldBytes > 0 && heldBytes + piece.length > joinedBytes) {
      yield held.subarray(0, heldBytes)
      heldBytes = 0
    }
    if (piece.length >= joinedBytes) yield piece
    else {
      held.set(piece, heldBytes)
      heldBytes += piece.length
    }
  }
  if (heldBytes > 0) yield held.subarray(0, heldBytes)
}

/**
 * A tar archive in GNU's format; a pax record carries the nanoseconds of mtimes, which GNU tar honours
 * (run it with LC_ALL=C). Pieces are valid until the next one is asked for. @throws internal when a
 * file's content is not as long as it said
 */
export async function* encodeTar(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
): AsyncGenerator<Uint8Array, void> {
  yield* joined(encodePieces(entries))
}

async function* encodePieces(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
): AsyncGenerator<Uint8Array, void> {
  for await (const entry of entries) {
    checkEntry(entry)
    yield entryHead(entry)
    if (entry.type !== 'file') continue
    let written = 0
    for await (const bytes of entry.content ?? []) {
      written += bytes.length
      if (written > entry.sizeBytes) break
      yield bytes
    }
    if (written !== entry.sizeBytes) {
      throw new BkpError(
        'internal',
        `content of a tar entry: ${entry.sizeBytes} bytes were announced, ${written} came`,
      )
    }
    const padding = paddingBytes(entry.sizeBytes)
    if (padding > 0) yield new Uint8Array(padding)
  }
  yield new Uint8Array(2 * tarBlockBytes)
}
