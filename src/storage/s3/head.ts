import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import { readFailure } from './errors.ts'
import type { Requests } from './requests.ts'

/** What a listing says of one object; nothing where there is none. @throws storage.* */
export async function headObject(
  requests: Requests,
  key: Key,
  io: Io,
): Promise<ObjectInfo | undefined> {
  return await requests.send(`looking at ${key}`, io, async ({ client, commands }) => {
    try {
      const { ContentLength, ETag, LastModified } = await client.send(
        new commands.HeadObjectCommand({ Bucket: requests.bucket, Key: requests.nameOf(key) }),
        { abortSignal: io.signal },
      )
      if (ContentLength === undefined || LastModified === undefined) {
        throw new OddAnswer('the answer does not say how long the object is, or of when')
      }
      return {
        key,
        sizeBytes: ContentLength,
        modified: LastModified,
        ...(ETag === undefined ? {} : { etag: ETag }),
      }
    } catch (failure) {
      if (readFailure(failure).status === 404) return undefined
      throw failure
    }
  })
}
