import type { Readable } from 'node:stream'

/** What came before a marker. */
export interface Section {
  /** The first bytes, as many as were asked for. */
  readonly bytes: Buffer
  readonly totalBytes: number
}

/** Reads a stream that outlives what is read from it: up to random markers that only we know. */
export interface FrameReader {
  /** Everything up to the marker, of which `limitBytes` are kept. Undefined when the stream ended before. */
  until(marker: Uint8Array, limitBytes: number): Promise<Section | undefined>
  /** The chunks that follow, to the end of the stream. */
  rest(): AsyncGenerator<Buffer, void>
}

export function frameReader(stream: Readable): FrameReader {
  let held: Buffer = Buffer.alloc(0)
  let hasEnded = false
  let wake = () => {}
  // Listening from the start: a child process drops what nobody listens for when it ends.
  stream.on('readable', () => wake())
  for (const event of ['end', 'close', 'error']) {
    stream.once(event, () => {
      // A stream that broke has ended; why is told by the channel's end.
      hasEnded = true
      wake()
    })
  }
  const more = async (): Promise<Buffer | undefined> => {
    for (;;) {
      const chunk: Buffer | null = stream.read()
      if (chunk !== null) return chunk
      if (hasEnded) return undefined
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  return Object.freeze({
    until: async (marker: Uint8Array, limitBytes: number) => {
      const kept: Buffer[] = []
      let keptBytes = 0
      let totalBytes = 0
      const take = (bytes: Buffer) => {
        const wanted = bytes.subarray(0, limitBytes - keptBytes)
        if (wanted.length > 0) kept.push(wanted)
        keptBytes += wanted.length
        totalBytes += bytes.length
      }
      for (;;) {
        const at = held.indexOf(marker)
        if (at >= 0) {
          take(held.subarray(0, at))
          held = held.subarray(at + marker.length)
          return { bytes: Buffer.concat(kept), totalBytes }
        }
        // The marker may be cut in two by the chunks: its possible beginning is kept back.
        const settled = Math.max(0, held.length - marker.length + 1)
        take(held.subarray(0, settled))
        const chunk = await more()
        if (chunk === undefined) return undefined
        held = Buffer.concat([held.subarray(settled), chunk])
      }
    },
    async *rest() {
      for (let bytes: Buffer | undefined = held; bytes !== undefined; bytes = await more()) {
        if (bytes.length > 0) yield bytes
      }
      held = Buffer.alloc(0)
    },
  })
}
