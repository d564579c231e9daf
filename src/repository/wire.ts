/**
 * The protobuf wire format (protobuf.dev, "Encoding") for messages that are written and read by the
 * million: only varints and length-delimited fields, into and out of one buffer.
 */
export interface WireWriter {
  begin(): void
  /** Fields with the value of their absence are left out, as proto3 has it. */
  number(field: number, value: number): void
  /** A 64-bit integer; a negative one as its two's complement. */
  wide(field: number, value: bigint): void
  bytes(field: number, value: Uint8Array): void
  text(field: number, value: string): void
  /** A message of less than 128 bytes within this one. */
  message(field: number, write: () => void): void
  /** A copy of what was written. */
  end(): Uint8Array
}

/** What stands before the bytes of a length-delimited field. */
export function delimitedHeader(field: number, length: number): Uint8Array {
  const header: number[] = []
  for (const value of [field * 8 + 2, length]) {
    let rest = value
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) header.push((rest % 128) | 0x80)
    header.push(rest)
  }
  return Uint8Array.from(header)
}

/** Longest key and length of a field, and longest varint. */
const headerBytes = 16

/** A 64-bit integer as its two halves, without making bigints of them. */
function createHalves(): { readonly wide: BigUint64Array; readonly halves: Uint32Array } {
  const wide = new BigUint64Array(1)
  return { wide, halves: new Uint32Array(wide.buffer) }
}

/** Little-endian machines have the low half first; Node runs on s390x, too. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
const [lowHalf, highHalf] = isLittleEndian ? [0, 1] : [1, 0]

export function createWireWriter(): WireWriter {
  const { wide, halves } = createHalves()
  let buffer = Buffer.allocUnsafeSlow(4096)
  let at = 0
  const reserve = (bytes: number): void => {
    if (at + bytes <= buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, at + bytes))
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }
  const varint = (low: number, high: number): void => {
    let [l, h] = [low, high]
    while (h > 0 || l > 0x7f) {
      buffer[at] = (l & 0x7f) | 0x80
      at += 1
      l = ((l >>> 7) | (h << 25)) >>> 0
      h >>>= 7
    }
    buffer[at] = l
    at += 1
  }
  const delimited = (field: number, length: number): void => {
    reserve(length + headerBytes)
    varint(field * 8 + 2, 0)
    varint(length, 0)
  }
  return Object.freeze({
    begin: () => {
      at = 0
    },
    number: (field, value) => {
      if (value === 0) return
      reserve(headerBytes)
      varint(field * 8, 0)
      varint(value, 0)
    },
    wide: (field, value) => {
      if (value === 0n) return
      reserve(headerBytes)
      varint(field * 8, 0)
      // Storing takes the value modulo 2^64: the two's complement of a negative one.
      wide[0] = value
      varint(halves[lowHalf] ?? 0, halves[highHalf] ?? 0)
    },
    bytes: (field, value) => {
      if (value.length === 0) return
      delimited(field, value.length)
      buffer.set(value, at)
      at += value.length
    },
    text: (field, value) => {
      if (value === '') return
      delimited(field, Buffer.byteLength(value))
      at += buffer.write(value, at)
    },
    message: (field, write) => {
      delimited(field, 0)
      const start = at
      write()
      buffer[start - 1] = at - start
    },
    end: () => Buffer.from(buffer.subarray(0, at)),
  } satisfies WireWriter)
}

/**
 * Reads one message after the other. What it does not expect it gives up on: the caller then asks a
 * parser that knows everything.
 */
export interface WireReader {
  begin(bytes: Uint8Array): void
  more(): boolean
  /** Number of the field, times 8, and its wire type. */
  tag(): number
  /** A part of the bytes that are read. */
  bytes(): Uint8Array
  /** ASCII only. */
  text(): string
  /** An integer up to `most`. */
  small(most: number): number
  unsigned(): bigint
  signed(): bigint
  /** Goes into a message within this one. Gives where the outer one ends. */
  enter(): number
  leave(outer: number): void
  giveUp(): void
  /** Whether all was as expected. */
  isSound(): boolean
}

export function createWireReader(): WireReader {
  const { wide, halves } = createHalves()
  const signedWide = new BigInt64Array(wide.buffer)
  // Neighbours share hosts, owners and packs: their names are made once.
  const recent: string[] = []
  let bytes: Uint8Array = new Uint8Array()
  let at = 0
  let end = 0
  let sound = true
  const giveUp = (): void => {
    sound = false
    at = end
  }
  const varint = (): void => {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = at < end ? (bytes[at] ?? 0) : 0x80
      at += 1
      const part = byte & 0x7f
      if (shift < 28) low |= part << shift
      else if (shift === 28) {
        low |= part << 28
        high |= part >>> 4
      } else high |= part << (shift - 32)
      if (byte < 0x80) {
        halves[lowHalf] = low
        halves[highHalf] = high
        return
      }
    }
    giveUp()
  }
  const small = (most: number): number => {
    varint()
    const value = halves[lowHalf] ?? 0
    if (halves[highHalf] === 0 && value <= most) return value
    giveUp()
    return 0
  }
  const length = (): number => {
    const value = small(0x7fffffff)
    if (at + value <= end) return value
    giveUp()
    return 0
  }
  const isText = (text: string, from: number, size: number): boolean => {
    if (text.length !== size) return false
    for (let index = 0; index < size; index += 1) {
      if (text.charCodeAt(index) !== bytes[from + index]) return false
    }
    return true
  }
  const text = (): string => {
    const size = length()
    const start = at
    at += size
    const slot = size % 67
    const known = recent[slot]
    if (known !== undefined && isText(known, start, size)) return known
    let isAscii = true
    for (let index = start; index < at; index += 1) isAscii &&= (bytes[index] ?? 0) < 0x80
    if (!isAscii) {
      giveUp()
      return ''
    }
    const made = Buffer.from(bytes.buffer, bytes.byteOffset + start, size).toString('latin1')
    recent[slot] = made
    return made
  }
  return Object.freeze({
    begin: next => {
      bytes = next
      at = 0
      end = next.length
      sound = true
    },
    more: () => at < end,
    tag: () => small(0x7fffffff),
    bytes: () => {
      const size = length()
      at += size
      return bytes.subarray(at - size, at)
    },
    text,
    small,
    unsigned: () => {
      varint()
      return wide[0] ?? 0n
    },
    signed: () => {
      varint()
      return signedWide[0] ?? 0n
    },
    enter: () => {
      const outer = end
      const size = length()
      end = at + size
      return outer
    },
    leave: outer => {
      end = outer
      if (!sound) at = end
    },
    giveUp,
    isSound: () => sound,
  } satisfies WireReader)
}
