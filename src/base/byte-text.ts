/**
 * Bytes as text from which the same bytes can be made again: what is not UTF-8 becomes a lone
 * surrogate, U+DC80 to U+DCFF, byte by byte (PEP 383, as Python and Ansible name such files).
 */
export function byteText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString()
  if (!text.includes('\ufffd')) return text
  const pieces: string[] = []
  let plainFrom = 0
  for (let at = 0; at < buffer.length; ) {
    const length = sequenceLength(buffer, at)
    if (length > 0) {
      at += length
      continue
    }
    pieces.push(buffer.toString('utf8', plainFrom, at))
    pieces.push(String.fromCharCode(0xdc00 + (buffer[at] ?? 0)))
    at += 1
    plainFrom = at
  }
  pieces.push(buffer.toString('utf8', plainFrom))
  return pieces.join('')
}

/** A surrogate that stands for a byte: one that is not the second half of a pair. */
const escapedByte = /(?<![\ud800-\udbff])[\udc80-\udcff]/g

/** The bytes of a text that `byteText` made; any other text becomes UTF-8. */
export function textBytes(text: string): Buffer {
  const pieces: Buffer[] = []
  let from = 0
  for (const { index } of text.matchAll(escapedByte)) {
    pieces.push(Buffer.from(text.slice(from, index)))
    pieces.push(Buffer.from([text.charCodeAt(index) - 0xdc00]))
    from = index + 1
  }
  return pieces.length === 0
    ? Buffer.from(text)
    : Buffer.concat([...pieces, Buffer.from(text.slice(from))])
}

/** True for text that stands for bytes that are not UTF-8. */
export function holdsEscapedBytes(text: string): boolean {
  return text.search(escapedByte) >= 0
}

/** The lowest and highest second byte where it is narrower than 80..BF: overlong forms, surrogates. */
const secondByte: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
])

/** Length of the UTF-8 sequence at a place; 0 where there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const length =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0
  for (let offset = 1; offset < length; offset += 1) {
    const [low, high] = (offset === 1 ? secondByte.get(first) : undefined) ?? [0x80, 0xbf]
    const byte = bytes[at + offset] ?? 0
    if (byte < low || byte > high) return 0
  }
  return length
}
