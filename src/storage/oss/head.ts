import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import { readFailure } from './errors.ts'
import type { Requests } from './requests.ts'
import { exchange } from './transport.ts'

/** What a listing says of one object; nothing where there is none. @throws storage.* */
export async function headObject(
  requests: Requests,
  key: Key,
  io: Io,
): Promise<ObjectInfo | undefined> {
  return await requests.send(`looking at ${key}`, io, async ({ client }) => {
    try {
      const { res } = await client.head(requests.nameOf(key), { ctx: exchange(io) })
      const { etag } = res.headers
      const sizeBytes = lengthOf(res.headers['content-length'])
      const modified = new Date(res.headers['last-modified'] ?? Number.NaN)
      if (sizeBytes === undefined || Number.isNaN(modified.getTime())) {
        throw new OddAnswer('the answer does not say how long the object is, or of when')
      }
      return { key, sizeBytes, modified, ...(etag === undefined ? {} : { etag }) }
    } catch (failure) {
      if (isMissing(failure)) return undefined
      throw failure
    }
  })
}

/** True where an answer to HEAD says that there is no such object. */
export function isMissing(failure: unknown): boolean {
  const { name, status } = readFailure(failure)
  // Such an answer may have no words.
  return status === 404 && name !== 'NoSuchBucket'
}

/** A `Content-Length`. */
export function lengthOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
