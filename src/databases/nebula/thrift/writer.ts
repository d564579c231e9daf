/** Writes TBinaryProtocol, strict. */
export interface ThriftWriter {
  byte(value: number): void
  i16(value: number): void
  i32(value: number): void
  u32(value: number): void
  i64(value: bigint): void
  bytes(value: Uint8Array): void
  /** What was written so far, as a copy. */
  done(): Buffer
}

export function thriftWriter(): ThriftWriter {
  let buffer = Buffer.alloc(256)
  let length = 0

  function room(bytes: number): number {
    const from = length
    length += bytes
    if (length > buffer.length) {
      const larger = Buffer.alloc(Math.max(length, buffer.length * 2))
      buffer.copy(larger, 0, 0, from)
      buffer = larger
    }
    return from
  }

  return Object.freeze({
    byte: value => {
      const from = room(1)
      buffer.writeUInt8(value, from)
    },
    i16: value => {
      const from = room(2)
      buffer.writeInt16BE(value, from)
    },
    i32: value => {
      const from = room(4)
      buffer.writeInt32BE(value, from)
    },
    u32: value => {
      const from = room(4)
      buffer.writeUInt32BE(value, from)
    },
    i64: value => {
      const from = room(8)
      buffer.writeBigInt64BE(value, from)
    },
    bytes: value => {
      const from = room(4 + value.length)
      buffer.writeInt32BE(value.length, from)
      buffer.set(value, from + 4)
    },
    done: () => Buffer.from(buffer.subarray(0, length)),
  } satisfies ThriftWriter)
}
