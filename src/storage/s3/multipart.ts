import type { CompletedPart } from '@aws-sdk/client-s3'
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
import { base64Sha256, putObject, writerField } from './put.ts'
import type { Requests } from './requests.ts'

/** Writes an object of known size as it comes; its name has the old object until all of it is there. */
export async function putObjectStream(
  requests: Requests,
  input: StreamInput,
  io: Io,
): Promise<void> {
  const { key } = input
  const multipart: Multipart<CompletedPart> = {
    putWhole: bytes => putObject(requests, key, bytes, io),
    begin: writer => begin(requests, key, writer, io),
    sendPart: (upload, number, part) => sendPart(requests, key, upload, number, part, io),
    complete: sent => complete(requests, key, sent, io),
    abandon: upload => abandon(requests, key, upload),
  }
  await putInParts(input, multipart, io)
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

async function complete(
  requests: Requests,
  key: Key,
  { upload, writer, sizeBytes, parts }: Sent<CompletedPart>,
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
