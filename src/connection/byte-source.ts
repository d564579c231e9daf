/** Bytes of a stream, taken in the amounts asked for. */
export interface ByteSource {
  /** At most `limit` bytes, whatever has come; undefined at the end. */
  some(limit: number): Promise<Buffer | undefined>
  /** Exactly so many; undefined when the stream ends before. */
  exactly(length: number): Promise<Buffer | undefined>
  /** Everything that is left. */
  rest(): AsyncGenerator<Buffer, void>
}

/** Reads a stream by amounts; the caller ends the iterator. */
export function byteSource(stream: AsyncIterator<Uint8Array>): ByteSource {
  let held: Buffer = Buffer.alloc(0)
  const some = async (limit: number): Promise<Buffer | undefined> => {
    while (held.length === 0) {
      const next = await stream.next()
      if (next.done === true) return undefined
      held = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
    }
    const taken = held.subarray(0, limit)
    held = held.subarray(taken.length)
    return taken
  }
  return Object.freeze({
    some,
    exactly: async (length: number) => {
      const pieces: Buffer[] = []
      for (let missing = length; missing > 0; ) {
        const bytes = await some(missing)
        if (bytes === undefined) return undefined
        pieces.push(bytes)
        missing -= bytes.length
      }
      return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
    },
    async *rest() {
      for (let bytes = await some(65_536); bytes !== undefined; bytes = await some(65_536)) {
        yield bytes
      }
    },
  })
}
