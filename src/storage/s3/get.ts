import { Readable } from 'node:stream'
import type { Io } from '../../base/io.ts'
import type { GetAnswer, GetQuery } from '../remote/service.ts'
import type { Sdk } from './client.ts'

/** Asks for an object, or a range of it, and has the answer read. */
export async function getObject(
  { client, commands, bucket }: Sdk,
  { name, range, etag }: GetQuery,
  io: Io,
  read: (answer: GetAnswer) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { $metadata, ContentLength, ContentRange, Body, ETag } = await client.send(
    new commands.GetObjectCommand({
      Bucket: bucket,
      Key: name,
      ...(range === undefined ? {} : { Range: range }),
      ...(etag === undefined ? {} : { IfMatch: etag }),
    }),
    { abortSignal: io.signal },
  )
  return await read({
    status: $metadata.httpStatusCode,
    lengthBytes: ContentLength,
    contentRange: ContentRange,
    etag: ETag,
    body: Body instanceof Readable ? Body : undefined,
  })
}
