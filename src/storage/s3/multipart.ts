import type { CompletedPart } from '@aws-sdk/client-s3'
import type { RandomBytes } from '../../base/clock.ts'
import { type Io, quietIo } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import { partSize, partsOf, sendParts } from '../remote/parts.ts'
import { readFailure } from './errors.ts'
import { base64Sha256, putObject, writerField } from './put.ts'
import type { Requests } from './requests.ts'

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
  return await requests.send(`writing ${key}`, io, async ({ client, commands }) => {
    const { UploadId } = await client.send(
      new commands.CreateMultipartUploadCommand({
        Bucket: requests.bucket,
        Key: requests.nameOf(key),
        // Said here, given with each part and named again at the end: servers want all or none.
        ChecksumAlgorithm: 'SHA256',
        Metadata: { [writerField]: writer },
      }),
      { abortSignal: io.signal },
    )
    if (UploadId === undefined) throw new OddAnswer('the upload has no id')
    return UploadId
  })
}

async function sendPart(
  requests: Requests,
  key: Key,
  upload: string,
  number: number,
  part: Uint8Array,
  io: Io,
): Promise<CompletedPart> {
  const sha256 = base64Sha256(part)
  return await requests.send(`writing ${key}`, io, async ({ client, commands }) => {
    const { ETag } = await client.send(
      new commands.UploadPartCommand({
        Bucket: requests.bucket,
        Key: requests.nameOf(key),
        UploadId: upload,
        PartNumber: number,
        Body: part,
        ChecksumSHA256: sha256,
      }),
      { abortSignal: io.signal },
    )
    if (ETag === undefined) throw new OddAnswer('the answer to a write has no ETag')
    return { PartNumber: number, ETag, ChecksumSHA256: sha256 }
  })
}

interface Completion {
  readonly upload: string
  readonly writer: string
  readonly sizeBytes: number
  readonly parts: readonly CompletedPart[]
}

async function complete(
  requests: Requests,
  key: Key,
  { upload, writer, sizeBytes, parts }: Completion,
  io: Io,
): Promise<void> {
  const object = { Bucket: requests.bucket, Key: requests.nameOf(key) }
  await requests.send(`writing ${key}`, io, async ({ client, commands }) => {
    try {
      const { ETag } = await client.send(
        new commands.CompleteMultipartUploadCommand({
          ...object,
          UploadId: upload,
          MultipartUpload: { Parts: [...parts] },
        }),
        { abortSignal: io.signal },
      )
      if (ETag === undefined) throw new OddAnswer('the answer to a write has no ETag')
    } catch (failure) {
      if (readFailure(failure).name !== 'NoSuchUpload') throw failure
      // Completed before, and the answer was lost: the object then bears our name.
      const found = await client.send(new commands.HeadObjectCommand(object), {
        abortSignal: io.signal,
      })
      const isOurs = found.Metadata?.[writerField] === writer && found.ContentLength === sizeBytes
      if (!isOurs) throw failure
    }
  })
}

/** Takes back an upload. One that cannot be is left to the bucket's rule for unfinished uploads. */
async function abandon(requests: Requests, key: Key, upload: string): Promise<void> {
  const io: Io = { ...quietIo, signal: AbortSignal.timeout(abortMs) }
  await requests
    .send(`taking back ${key}`, io, async ({ client, commands }) => {
      await client.send(
        new commands.AbortMultipartUploadCommand({
          Bucket: requests.bucket,
          Key: requests.nameOf(key),
          UploadId: upload,
        }),
        { abortSignal: io.signal },
      )
    })
    .catch(() => {})
}
