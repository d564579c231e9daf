import type { Io } from '../../base/io.ts'
import { writerField } from '../remote/create.ts'
import { etagOfWrite } from '../remote/put.ts'
import type { SentPart, Service, Upload } from '../remote/service.ts'
import type { Sdk } from './client.ts'
import { base64Sha256 } from './put.ts'

/** Uploads in parts. */
export const multipart: Pick<
  Service<Sdk>,
  'begin' | 'sendPart' | 'complete' | 'abort'
> = Object.freeze({ begin, sendPart, complete, abort })

async function begin(
  { client, commands, bucket }: Sdk,
  name: string,
  writer: string,
  io: Io,
): Promise<string | undefined> {
  const { UploadId } = await client.send(
    new commands.CreateMultipartUploadCommand({
      Bucket: bucket,
      Key: name,
      // Said here, given with each part and named again at the end: servers want all or none.
      ChecksumAlgorithm: 'SHA256',
      Metadata: { [writerField]: writer },
    }),
    { abortSignal: io.signal },
  )
  return UploadId
}

async function sendPart(
  { client, commands, bucket }: Sdk,
  { name, id }: Upload,
  number: number,
  bytes: Uint8Array,
  io: Io,
): Promise<SentPart> {
  const sha256 = base64Sha256(bytes)
  const { ETag } = await client.send(
    new commands.UploadPartCommand({
      Bucket: bucket,
      Key: name,
      UploadId: id,
      PartNumber: number,
      Body: bytes,
      ChecksumSHA256: sha256,
    }),
    { abortSignal: io.signal },
  )
  return { number, etag: etagOfWrite(ETag), sha256 }
}

async function complete(
  { client, commands, bucket }: Sdk,
  { name, id }: Upload,
  parts: readonly SentPart[],
  io: Io,
): Promise<void> {
  const { ETag } = await client.send(
    new commands.CompleteMultipartUploadCommand({
      Bucket: bucket,
      Key: name,
      UploadId: id,
      MultipartUpload: {
        Parts: parts.map(({ number, etag, sha256 }) => ({
          PartNumber: number,
          ETag: etag,
          ChecksumSHA256: sha256,
        })),
      },
    }),
    { abortSignal: io.signal },
  )
  etagOfWrite(ETag)
}

async function abort(
  { client, commands, bucket }: Sdk,
  { name, id }: Upload,
  io: Io,
): Promise<void> {
  await client.send(
    new commands.AbortMultipartUploadCommand({ Bucket: bucket, Key: name, UploadId: id }),
    { abortSignal: io.signal },
  )
}
