import type { RandomBytes } from '../../base/clock.ts'
import { type Io, quietIo } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import { partSize, partsOf, sendParts } from '../remote/parts.ts'
import { readFailure } from './errors.ts'
import { lengthOf } from './head.ts'
import { putObject, sendPut, writerField, writerHeader } from './put.ts'
import type { Requests } from './requests.ts'
import { exchange } from './transport.ts'

/** Time to take back what was begun, also when the run was interrupted. */
const abortMs = 30_000

interface StreamInput {
  readonly key: Key
  readonly source: AsyncIterable<Uint8Array>
  readonly sizeBytes: number
  /** What fits into it goes in one request; parts are at least so large. */
  readonly partBytes: number
  readonly random: RandomBytes
}

/** Writes an object of known size as it comes; its name has the old object until all of it is there. */
export async function putObjectStream(
  requests: Requests,
  { key, source, sizeBytes, partBytes, random }: StreamInput,
  io: Io,
): Promise<void> {
  io.signal.throwIfAborted()
  const eachBytes = partSize(sizeBytes, partBytes)
  const parts = partsOf(key, source, sizeBytes, eachBytes, io)
  if (sizeBytes <= eachBytes) {
    let whole = new Uint8Array()
    for await (const part of parts) whole = part
    await putObject(requests, key, whole, io)
    return
  }
  const writer = Buffer.from(random(16)).toString('hex')
  const upload = await begin(requests, key, writer, io)
  try {
    const sent = await sendParts(parts, (number, part) =>
      sendPart(requests, key, upload, number, part, io),
    )
    await complete(requests, key, { upload, writer, sizeBytes, parts: sent }, io)
  } catch (error) {
    await abandon(requests, key, upload)
    throw error
  }
}

async function begin(requests: Requests, key: Key, writer: string, io: Io): Promise<string> {
  return await requests.send(`writing ${key}`, io, async ({ client }) => {
    const { uploadId } = await client.initMultipartUpload(requests.nameOf(key), {
      ctx: exchange(io),
      mime: 'application/octet-stream',
      meta: { [writerField]: writer },
    })
    if (typeof uploadId !== 'string' || uploadId === '') {
      throw new OddAnswer('the upload has no id')
    }
    return uploadId
  })
}

interface SentPart {
  readonly number: number
  readonly etag: string
}

/** By `put`: what ali-oss has for parts streams them, without a sum. */
async function sendPart(
  requests: Requests,
  key: Key,
  upload: string,
  number: number,
  bytes: Uint8Array,
  io: Io,
): Promise<SentPart> {
  const subres = { partNumber: String(number), uploadId: upload }
  return await requests.send(`writing ${key}`, io, async oss => ({
    number,
    etag: await sendPut(oss, { name: requests.nameOf(key), bytes, subres }, io),
  }))
}

interface Completion {
  readonly upload: string
  readonly writer: string
  readonly sizeBytes: number
  readonly parts: readonly SentPart[]
}

async function complete(
  requests: Requests,
  key: Key,
  { upload, writer, sizeBytes, parts }: Completion,
  io: Io,
): Promise<void> {
  const name = requests.nameOf(key)
  const ctx = exchange(io)
  await requests.send(`writing ${key}`, io, async ({ client }) => {
    try {
      const { etag } = await client.completeMultipartUpload(name, upload, parts, { ctx })
      if (typeof etag !== 'string') throw new OddAnswer('the answer to a write has no ETag')
    } catch (failure) {
      if (readFailure(failure).name !== 'NoSuchUpload') throw failure
      // Completed before, and the answer was lost: the object then bears our name.
      const { headers } = (await client.head(name, { ctx })).res
      const isOurs =
        headers[writerHeader] === writer && lengthOf(headers['content-length']) === sizeBytes
      if (!isOurs) throw failure
    }
  })
}

/** Takes back an upload. One that cannot be is left to the bucket's rule for unfinished uploads. */
async function abandon(requests: Requests, key: Key, upload: string): Promise<void> {
  const io: Io = { ...quietIo, signal: AbortSignal.timeout(abortMs) }
  await requests
    .send(`taking back ${key}`, io, ({ client }) =>
      client.abortMultipartUpload(requests.nameOf(key), upload, { ctx: exchange(io) }),
    )
    .catch(() => {})
}
