import type { RandomBytes } from '../../base/clock.ts'
import { type Io, quietIo } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from './answers.ts'
import type { Bucket } from './bucket.ts'
import { newWriter } from './create.ts'
import { partSize, partsOf, sendParts } from './parts.ts'
import { putObject } from './put.ts'
import type { SentPart, Upload } from './service.ts'

/** Time to take back what was begun, also when the run was interrupted, in milliseconds. */
const abortMs = 30_000

export interface StreamInput {
  readonly key: Key
  readonly source: AsyncIterable<Uint8Array>
  readonly sizeBytes: number
  /** What fits into it goes in one request; parts are at least so large. */
  readonly partBytes: number
  readonly random: RandomBytes
}

/** Writes an object of known size as it comes; its name has the old object until all of it is there. */
export async function putObjectStream<Client>(
  bucket: Bucket<Client>,
  { key, source, sizeBytes, partBytes, random }: StreamInput,
  io: Io,
): Promise<void> {
  io.signal.throwIfAborted()
  const eachBytes = partSize(sizeBytes, partBytes)
  const parts = partsOf(key, source, sizeBytes, eachBytes, io)
  if (sizeBytes <= eachBytes) {
    let whole = new Uint8Array()
    for await (const part of parts) whole = part
    await putObject(bucket, key, whole, io)
    return
  }
  const { service, send } = bucket
  const doing = `writing ${key}`
  const name = bucket.nameOf(key)
  const writer = newWriter(random)
  const id = await send(doing, io, async client => {
    const given = await service.begin(client, name, writer, io)
    if (typeof given !== 'string' || given === '') throw new OddAnswer('the upload has no id')
    return given
  })
  const upload = { name, id }
  try {
    const sent = await sendParts(parts, (number, part) =>
      send(doing, io, client => service.sendPart(client, upload, number, part, io)),
    )
    await send(doing, io, client =>
      complete(bucket, client, { upload, writer, sizeBytes, sent }, io),
    )
  } catch (error) {
    await abandon(bucket, key, upload)
    throw error
  }
}

/** What is known when all parts were sent. */
interface Sent {
  readonly upload: Upload
  readonly writer: string
  readonly sizeBytes: number
  readonly sent: readonly SentPart[]
}

/** One attempt, safe to repeat. */
async function complete<Client>(
  { service }: Bucket<Client>,
  client: Client,
  { upload, writer, sizeBytes, sent }: Sent,
  io: Io,
): Promise<void> {
  try {
    await service.complete(client, upload, sent, io)
  } catch (failure) {
    if (service.readFailure(failure).name !== 'NoSuchUpload') throw failure
    // Completed before, and the answer was lost: the object then bears our name.
    const found = await service.head(client, upload.name, io)
    if (found.writer !== writer || found.sizeBytes !== sizeBytes) throw failure
  }
}

/** Takes back an upload. One that cannot be is left to the bucket's rule for unfinished uploads. */
async function abandon<Client>(
  { service, send }: Bucket<Client>,
  key: Key,
  upload: Upload,
): Promise<void> {
  const io: Io = { ...quietIo, signal: AbortSignal.timeout(abortMs) }
  await send(`taking back ${key}`, io, client => service.abort(client, upload, io)).catch(() => {})
}
