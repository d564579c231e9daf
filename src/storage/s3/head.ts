import type { Io } from '../../base/io.ts'
import { writerField } from '../remote/create.ts'
import type { ObjectHead } from '../remote/service.ts'
import type { Sdk } from './client.ts'
import { readFailure } from './errors.ts'

/** Asks what there is under a name. */
export async function headObject(
  { client, commands, bucket }: Sdk,
  name: string,
  io: Io,
): Promise<ObjectHead> {
  const { ContentLength, LastModified, ETag, Metadata } = await client.send(
    new commands.HeadObjectCommand({ Bucket: bucket, Key: name }),
    { abortSignal: io.signal },
  )
  return {
    sizeBytes: ContentLength,
    modified: LastModified,
    etag: ETag,
    writer: Metadata?.[writerField],
  }
}

/** True where an answer to HEAD says that there is no such object. */
export function isMissing(failure: unknown): boolean {
  return readFailure(failure).status === 404
}
