import { Readable } from 'node:stream'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { notFound } from '../memory.ts'
import { checkedRange, type Range } from '../range.ts'
import { OddAnswer } from '../remote/answers.ts'
import { checkedLength, rangeHeader, receive, refusedRange } from '../remote/receive.ts'
import { readFailure } from './errors.ts'
import type { Requests } from './requests.ts'

/**
 * The object, or a range of it, exactly as long as it was asked for; in the buffer, where it fits. @throws storage.not_found,
 * storage.failed where the answer is not what was asked for
 */
export async function getObject(
  requests: Requests,
  key: Key,
  io: Io,
  range: Range | undefined,
  buffer?: Uint8Array,
): Promise<Uint8Array> {
  // HTTP has no range of nothing.
  if (range !== undefined && range.lengthBytes === 0)
    return await getNothing(requests, key, io, range)
  const bytes = await requests.send(`reading ${key}`, io, async ({ client, commands }) => {
    const command = new commands.GetObjectCommand({
      Bucket: requests.bucket,
      Key: requests.nameOf(key),
      ...(range === undefined ? {} : { Range: rangeHeader(key, range) }),
    })
    let answer: GetObjectCommandOutput
    try {
      answer = await client.send(command, { abortSignal: io.signal })
    } catch (failure) {
      const { name, status } = readFailure(failure)
      // Only this name: a proxy's 404 does not say that there is no such object.
      if (status === 404 && name === 'NoSuchKey') throw notFound(requests.url, key, failure)
      if (status === 416 && range !== undefined) return undefined
      throw failure
    }
    const { $metadata, ContentLength, ContentRange, Body } = answer
    const head = {
      status: $metadata.httpStatusCode,
      lengthBytes: ContentLength,
      contentRange: ContentRange,
    }
    const lengthBytes = checkedLength(key, head, range)
    return await receive(Body instanceof Readable ? Body : undefined, lengthBytes, buffer)
  })
  if (bytes !== undefined) return bytes
  // Refused as beyond the end: says how long the object is.
  if (range !== undefined) checkedRange(key, await sizeOf(requests, key, io), range)
  throw refusedRange(requests.url, key, 'S3')
}

async function getNothing(requests: Requests, key: Key, io: Io, range: Range): Promise<Uint8Array> {
  checkedRange(key, await sizeOf(requests, key, io), range)
  return new Uint8Array()
}

async function sizeOf(requests: Requests, key: Key, io: Io): Promise<number> {
  return await requests.send(`looking at ${key}`, io, async ({ client, commands }) => {
    try {
      const { ContentLength } = await client.send(
        new commands.HeadObjectCommand({ Bucket: requests.bucket, Key: requests.nameOf(key) }),
        { abortSignal: io.signal },
      )
      if (ContentLength !== undefined) return ContentLength
    } catch (failure) {
      if (readFailure(failure).status === 404) throw notFound(requests.url, key, failure)
      throw failure
    }
    throw new OddAnswer('the answer does not say how long the object is')
  })
}
