import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { objectChanged, plainEtag } from '../etag.ts'
import { notFound } from '../memory.ts'
import { checkedRange, type Range } from '../range.ts'
import type { Bucket } from './bucket.ts'
import { headObject } from './head.ts'
import { checkedLength, rangeHeader, receive } from './receive.ts'
import type { GetAnswer } from './service.ts'

/**
 * The object, or a range of it, exactly as long as it was asked for; in the buffer, where it fits.
 * @throws storage.not_found, storage.failed where the answer is not what was asked for,
 * storage.changed where it has not the etag that was asked for
 */
export async function getObject<Client>(
  bucket: Bucket<Client>,
  key: Key,
  io: Io,
  range: Range | undefined,
  buffer?: Uint8Array,
  /** The object must still have it. */
  etag?: string,
): Promise<Uint8Array> {
  const { service, url } = bucket
  // HTTP has no range of nothing.
  if (range !== undefined && range.lengthBytes === 0) {
    checkedRange(key, await sizeOf(bucket, key, io), range)
    return new Uint8Array()
  }
  const read = async (answer: GetAnswer): Promise<Uint8Array> => {
    try {
      // Also where the server does not know the condition.
      if (etag !== undefined && plainEtag(answer.etag) !== plainEtag(etag)) {
        throw objectChanged(url, key)
      }
      return await receive(answer.body, checkedLength(key, answer, range), buffer)
    } catch (failure) {
      answer.body?.destroy()
      throw failure
    }
  }
  const header = range === undefined ? undefined : rangeHeader(key, range)
  const query = { name: bucket.nameOf(key), range: header, etag }
  const bytes = await bucket.send(`reading ${key}`, io, async client => {
    try {
      return await service.get(client, query, io, read)
    } catch (failure) {
      const { name, status } = service.readFailure(failure)
      // Only this name: a proxy's 404 does not say that there is no such object.
      if (status === 404 && name === 'NoSuchKey') throw notFound(url, key, failure)
      if (status === 412 && etag !== undefined) throw objectChanged(url, key, failure)
      if (status === 416 && range !== undefined) return undefined
      throw failure
    }
  })
  if (bytes !== undefined) return bytes
  // Refused as beyond the end: says how long the object is.
  if (range !== undefined) checkedRange(key, await sizeOf(bucket, key, io), range)
  throw new BkpError('storage.failed', `${url} refuses a range that ${key} has`, {
    hint: `the object changed while it was read, or a proxy answers in place of an ${service.title} server`,
    details: { key },
  })
}

async function sizeOf<Client>(bucket: Bucket<Client>, key: Key, io: Io): Promise<number> {
  const found = await headObject(bucket, key, io)
  if (found === undefined) throw notFound(bucket.url, key)
  return found.sizeBytes
}
