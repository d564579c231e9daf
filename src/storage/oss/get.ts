import type { IncomingMessage } from 'node:http'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { objectChanged, plainEtag } from '../etag.ts'
import { notFound } from '../memory.ts'
import { checkedRange, type Range } from '../range.ts'
import { checkedLength, rangeHeader, receive, refusedRange } from '../remote/receive.ts'
import { readFailure } from './errors.ts'
import { headObject, lengthOf } from './head.ts'
import type { Requests } from './requests.ts'
import { exchange } from './transport.ts'

/**
 * The object, or a range of it, exactly as long as it was asked for; in the buffer, where it fits.
 * @throws storage.not_found, storage.failed where the answer is not what was asked for,
 * storage.changed where it has not the etag that was asked for
 */
export async function getObject(
  requests: Requests,
  key: Key,
  io: Io,
  range: Range | undefined,
  buffer?: Uint8Array,
  /** The object must still have it. */
  etag?: string,
): Promise<Uint8Array> {
  // HTTP has no range of nothing.
  if (range !== undefined && range.lengthBytes === 0) {
    checkedRange(key, await sizeOf(requests, key, io), range)
    return new Uint8Array()
  }
  const read = async (answer: IncomingMessage): Promise<Uint8Array> => {
    const { headers, statusCode } = answer
    // Also where the server does not know the condition.
    if (etag !== undefined && plainEtag(headers.etag) !== plainEtag(etag)) {
      throw objectChanged(requests.url, key)
    }
    const head = {
      status: statusCode,
      lengthBytes: lengthOf(headers['content-length']),
      contentRange: headers['content-range'],
    }
    return await receive(answer, checkedLength(key, head, range), buffer)
  }
  const headers = {
    // Without the second header OSS answers a range beyond the end with all of the object.
    ...(range === undefined
      ? {}
      : { Range: rangeHeader(key, range), 'x-oss-range-behavior': 'standard' }),
    ...(etag === undefined ? {} : { 'If-Match': etag }),
  }
  const bytes = await requests.send(`reading ${key}`, io, async ({ client }) => {
    try {
      const ctx = exchange(io, read)
      return (await client.get(requests.nameOf(key), { ctx, headers })).content
    } catch (failure) {
      const { name, status } = readFailure(failure)
      // Only this name: a proxy's 404 does not say that there is no such object.
      if (status === 404 && name === 'NoSuchKey') throw notFound(requests.url, key, failure)
      if (status === 412 && etag !== undefined) throw objectChanged(requests.url, key, failure)
      if (status === 416 && range !== undefined) return undefined
      throw failure
    }
  })
  if (bytes !== undefined) return bytes
  // Refused as beyond the end: says how long the object is.
  if (range !== undefined) checkedRange(key, await sizeOf(requests, key, io), range)
  throw refusedRange(requests.url, key, 'OSS')
}

async function sizeOf(requests: Requests, key: Key, io: Io): Promise<number> {
  const found = await headObject(requests, key, io)
  if (found === undefined) throw notFound(requests.url, key)
  return found.sizeBytes
}
