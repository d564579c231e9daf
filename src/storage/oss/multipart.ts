import { type Io, quietIo } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import {
  abortMs,
  type Multipart,
  putInParts,
  type Sent,
  type StreamInput,
} from '../remote/stream.ts'
import { readFailure } from './errors.ts'
import { lengthOf } from './head.ts'
import { putObject, sendPut, writerField, writerHeader } from './put.ts'
import type { Requests } from './requests.ts'
import { exchange } from './transport.ts'

/** Writes an object of known size as it comes; its name has the old object until all of it is there. */
export async function putObjectStream(
  requests: Requests,
  input: StreamInput,
  io: Io,
): Promise<void> {
  const { key } = input
  const multipart: Multipart<SentPart> = {
    putWhole: bytes => putObject(requests, key, bytes, io),
    begin: writer => begin(requests, key, writer, io),
    sendPart: (upload, number, part) => sendPart(requests, key, upload, number, part, io),
    complete: sent => complete(requests, key, sent, io),
    abandon: upload => abandon(requests, key, upload),
  }
  await putInParts(input, multipart, io)
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

async function complete(
  requests: Requests,
  key: Key,
  { upload, writer, sizeBytes, parts }: Sent<SentPart>,
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
