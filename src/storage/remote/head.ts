import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../contract.ts'
import { OddAnswer } from './answers.ts'
import type { Bucket } from './bucket.ts'
import type { ObjectHead, Service } from './service.ts'

/** What a listing says of one object; nothing where there is none. @throws storage.* */
export async function headObject<Client>(
  { service, nameOf, send }: Bucket<Client>,
  key: Key,
  io: Io,
): Promise<ObjectInfo | undefined> {
  return await send(`looking at ${key}`, io, async client => {
    const head = await lookFor(service, client, nameOf(key), io)
    if (head === undefined) return undefined
    const { sizeBytes, modified, etag } = head
    if (sizeBytes === undefined || modified === undefined) {
      throw new OddAnswer('the answer does not say how long the object is, or of when')
    }
    return { key, sizeBytes, modified, ...(etag === undefined ? {} : { etag }) }
  })
}

/** One HEAD; nothing where there is no such object. */
export async function lookFor<Client>(
  { head, isMissing }: Pick<Service<Client>, 'head' | 'isMissing'>,
  client: Client,
  name: string,
  io: Io,
): Promise<ObjectHead | undefined> {
  try {
    return await head(client, name, io)
  } catch (failure) {
    if (isMissing(failure)) return undefined
    throw failure
  }
}
