import { BkpError } from '../../../base/errors.ts'
import { leastBytes, type WireType, wireNames } from './wire.ts'

/** What a message may ask of memory, whatever it claims. */
export interface ReaderLimits {
  /** Structs and containers in one another. */
  readonly depth: number
  /** Elements of all containers together: each costs more memory than its bytes. */
  readonly elements: number
}

export const defaultLimits: ReaderLimits = Object.freeze({ depth: 64, elements: 4_000_000 })

/** Reads TBinaryProtocol, strict (specs/nebula.md §1.1). Everything throws nebula.protocol. */
export interface ThriftReader {
  readonly left: () => number
  bool(): boolean
  byte(): number
  i16(): number
  i32(): number
  u32(): number
  i64(): bigint
  /** A view, not a copy. */
  bytes(): Uint8Array
  /** A number of elements, each of which takes at least that many bytes. */
  count(bytesEach: number): number
  wireType(): WireType
  /** The type of the next field of a struct; undefined at its end. */
  fieldType(): WireType | undefined
  /** Runs one level deeper. */
  nested<T>(read: () => T): T
  skip(type: WireType): void
  fail(what: string): BkpError
}

/** Everything in it is untrusted: sizes count for nothing that the bytes do not bear out. */
export function thriftReader(input: Uint8Array, limits = defaultLimits): ThriftReader {
  const buffer = Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  let at = 0
  let depth = 0
  let elements = 0

  const fail = (what: string) =>
    new BkpError('nebula.protocol', `damaged Thrift message: ${what}, at byte ${at}`, {
      details: { byte: at, bytes: buffer.length },
    })
  const advance = (bytes: number): number => {
    if (bytes > buffer.length - at) throw fail('it ends in the middle of a value')
    const from = at
    at += bytes
    return from
  }
  const size = () => {
    const value = buffer.readInt32BE(advance(4))
    if (value < 0) throw fail(`a size of ${value}`)
    return value
  }
  const left = () => buffer.length - at
  const byte = () => buffer.readUInt8(advance(1))

  function bool(): boolean {
    const value = byte()
    if (value > 1) throw fail(`a bool of ${value}`)
    return value === 1
  }

  function count(bytesEach: number): number {
    const value = size()
    if (value * bytesEach > left()) throw fail(`${value} elements where few bytes are left`)
    elements += value
    if (elements > limits.elements) throw fail(`more than ${limits.elements} elements`)
    return value
  }

  function wireType(): WireType {
    const value = byte()
    if (value in wireNames) return value as WireType
    throw fail(`a value of the unknown type ${value}`)
  }

  function fieldType(): WireType | undefined {
    const value = byte()
    if (value === 0) return undefined
    if (value in wireNames) return value as WireType
    throw fail(`a field of the unknown type ${value}`)
  }

  function nested<T>(read: () => T): T {
    depth += 1
    if (depth > limits.depth) throw fail(`more than ${limits.depth} levels`)
    const value = read()
    depth -= 1
    return value
  }

  function skip(type: WireType): void {
    switch (type) {
      case 2:
      case 3:
        advance(1)
        return
      case 6:
        advance(2)
        return
      case 8:
        advance(4)
        return
      case 4:
      case 10:
        advance(8)
        return
      case 11:
        advance(size())
        return
      case 12:
        nested(skipStruct)
        return
      case 13:
        nested(skipMap)
        return
      case 14:
      case 15:
        nested(skipList)
        return
    }
  }

  function skipStruct(): void {
    for (let type = fieldType(); type !== undefined; type = fieldType()) {
      advance(2)
      skip(type)
    }
  }

  function skipMap(): void {
    const [key, value] = mapTypes(reader)
    for (let rest = count(least(key) + least(value)); rest > 0; rest -= 1) {
      skip(key ?? 2)
      skip(value ?? 2)
    }
  }

  function skipList(): void {
    const element = wireType()
    for (let rest = count(leastBytes[element]); rest > 0; rest -= 1) skip(element)
  }

  const reader: ThriftReader = Object.freeze({
    left,
    bool,
    byte,
    i16: () => buffer.readInt16BE(advance(2)),
    i32: () => buffer.readInt32BE(advance(4)),
    u32: () => buffer.readUInt32BE(advance(4)),
    i64: () => buffer.readBigInt64BE(advance(8)),
    bytes: () => {
      const length = size()
      const from = advance(length)
      return buffer.subarray(from, from + length)
    },
    count,
    wireType,
    fieldType,
    nested,
    skip,
    fail,
  } satisfies ThriftReader)
  return reader
}

const least = (type: WireType | undefined) => (type === undefined ? 1 : leastBytes[type])

/** Types of keys and values; an empty map may name none: some writers leave 0 there. */
export function mapTypes(
  reader: ThriftReader,
): readonly [WireType | undefined, WireType | undefined] {
  return [elementType(reader), elementType(reader)]
}

function elementType(reader: ThriftReader): WireType | undefined {
  const value = reader.byte()
  if (value === 0) return undefined
  if (value in wireNames) return value as WireType
  throw reader.fail(`elements of the unknown type ${value}`)
}
