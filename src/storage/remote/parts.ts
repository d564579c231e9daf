import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { wrongSize } from '../memory.ts'

const megabyte = 1024 * 1024
/** The limit of S3 and of OSS. */
const mostParts = 10_000
/** Parts on their way at the same time: what a stream holds in memory is that, and one more. */
const inFlight = 4

/** How large each part is, so that there are not more than a server takes. */
export function partSize(sizeBytes: number, partBytes: number): number {
  const leastBytes = sizeBytes / mostParts
  return leastBytes <= partBytes ? partBytes : Math.ceil(leastBytes / megabyte) * megabyte
}

/** The source in parts of one size, the last one smaller. @throws storage.failed on another size */
export async function* partsOf(
  key: Key,
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  eachBytes: number,
  io: Io,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let part = new Uint8Array(Math.min(eachBytes, sizeBytes))
  let filled = 0
  let taken = 0
  for await (let bytes of source) {
    io.signal.throwIfAborted()
    taken += bytes.length
    if (taken > sizeBytes) throw wrongSize(key, taken, sizeBytes)
    while (bytes.length > 0) {
      const fits = bytes.subarray(0, part.length - filled)
      part.set(fits, filled)
      filled += fits.length
      bytes = bytes.subarray(fits.length)
      if (filled < part.length) continue
      const left = sizeBytes - (taken - bytes.length)
      // The last one only once the source has ended as announced.
      if (left === 0) break
      yield part
      part = new Uint8Array(Math.min(eachBytes, left))
      filled = 0
    }
  }
  if (taken !== sizeBytes) throw wrongSize(key, taken, sizeBytes)
  yield part
}

/**
 * Sends parts, some at a time, numbered from 1; gives what each came to, in order. When it rejects,
 * none is on its way any more: the upload can be taken back.
 */
export async function sendParts<T>(
  parts: AsyncIterable<Uint8Array>,
  sendPart: (number: number, part: Uint8Array) => Promise<T>,
): Promise<readonly T[]> {
  const sent: T[] = []
  const underWay = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  const send = async (number: number, part: Uint8Array): Promise<void> => {
    try {
      sent[number - 1] = await sendPart(number, part)
    } catch (error) {
      failure ??= { error }
    }
  }
  try {
    let number = 0
    for await (const part of parts) {
      if (failure !== undefined) throw failure.error
      number += 1
      const sending = send(number, part).finally(() => underWay.delete(sending))
      underWay.add(sending)
      if (underWay.size >= inFlight) await Promise.race(underWay)
    }
  } finally {
    // None may still be on its way when the upload is taken back: its part would stay for ever.
    await Promise.all(underWay)
  }
  if (failure !== undefined) throw failure.error
  return sent
}
