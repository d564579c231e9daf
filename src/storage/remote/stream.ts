import type { RandomBytes } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { partSize, partsOf, sendParts } from './parts.ts'

/** Time to take back what was begun, also when the run was interrupted, in milliseconds. */
export const abortMs = 30_000

export interface StreamInput {
  readonly key: Key
  readonly source: AsyncIterable<Uint8Array>
  readonly sizeBytes: number
  /** What fits into it goes in one request; parts are at least so large. */
  readonly partBytes: number
  readonly random: RandomBytes
}

/** What is known when all parts were sent. */
export interface Sent<Part> {
  readonly upload: string
  readonly writer: string
  readonly sizeBytes: number
  readonly parts: readonly Part[]
}

/** How a server takes an object in parts. */
export interface Multipart<Part> {
  /** One that needs no parts. */
  putWhole(bytes: Uint8Array): Promise<void>
  /** Begins an upload of that writer; gives its id. */
  begin(writer: string): Promise<string>
  sendPart(upload: string, number: number, part: Uint8Array): Promise<Part>
  complete(sent: Sent<Part>): Promise<void>
  /** Takes back what was sent; never throws. */
  abandon(upload: string): Promise<void>
}

/** Writes an object of known size as it comes; its name has the old object until all of it is there. */
export async function putInParts<Part>(
  { key, source, sizeBytes, partBytes, random }: StreamInput,
  multipart: Multipart<Part>,
  io: Io,
): Promise<void> {
  io.signal.throwIfAborted()
  const eachBytes = partSize(sizeBytes, partBytes)
  const parts = partsOf(key, source, sizeBytes, eachBytes, io)
  if (sizeBytes <= eachBytes) {
    let whole = new Uint8Array()
    for await (const part of parts) whole = part
    await multipart.putWhole(whole)
    return
  }
  const writer = Buffer.from(random(16)).toString('hex')
  const upload = await multipart.begin(writer)
  try {
    const sent = await sendParts(parts, (number, part) => multipart.sendPart(upload, number, part))
    await multipart.complete({ upload, writer, sizeBytes, parts: sent })
  } catch (error) {
    await multipart.abandon(upload)
    throw error
  }
}
