import { Readable } from 'node:stream'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { notFound } from '../memory.ts'
import { checkedRange, type Range } from '../range.ts'
import { OddAnswer } from './answers.ts'
import { readFailure } from './errors.ts'
import type { Requests } from './requests.ts'

/** Larger objects are read in ranges: nobody holds them whole. */
const largestWholeBytes = 1024 ** 3

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
    return await readBody(answer, checkedLength(key, answer, range), buffer)
  })
  if (bytes !== undefined) return bytes
  // Refused as beyond the end: says how long the object is.
  if (range !== undefined) checkedRange(key, await sizeOf(requests, key, io), range)
  throw new BkpError('storage.failed', `${requests.url} refuses a range that ${key} has`, {
    hint: 'the object changed while it was read, or a proxy answers in place of an S3 server',
    details: { key },
  })
}

function rangeHeader(key: Key, range: Range): string {
  // Checked against itself only: how long the object is, the server knows.
  checkedRange(key, range.offset + range.lengthBytes, range)
  return `bytes=${range.offset}-${range.offset + range.lengthBytes - 1}`
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

/** How many bytes the answer holds, when that is what was asked for. */
function checkedLength(
  key: Key,
  { $metadata, ContentLength, ContentRange }: GetObjectCommandOutput,
  range: Range | undefined,
): number {
  const status = $metadata.httpStatusCode
  const wanted = range === undefined ? 200 : 206
  if (status !== wanted) {
    const asked = range === undefined ? 'a whole object' : 'a part of an object'
    throw new OddAnswer(`asked for ${asked}, the server answers ${status}, not ${wanted}`)
  }
  if (ContentLength === undefined || !Number.isSafeInteger(ContentLength) || ContentLength < 0) {
    throw new OddAnswer('the answer does not say how long it is')
  }
  if (range === undefined) {
    if (ContentLength <= largestWholeBytes) return ContentLength
    throw new BkpError('storage.failed', `object ${key} is ${ContentLength} bytes long`, {
      hint: 'no object of a repository is that large; see who wrote it',
      details: { key },
    })
  }
  const { offset, lengthBytes } = range
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(ContentRange ?? '') ?? []
  // A part that ends with the object is cut short by rule: that is for the caller to know.
  if (total !== undefined && total !== '*') checkedRange(key, Number(total), range)
  const isRight = Number(first) === offset && Number(last) === offset + lengthBytes - 1
  if (!isRight || ContentLength !== lengthBytes) {
    throw new OddAnswer(
      `asked for bytes ${offset} to ${offset + lengthBytes - 1}, the server answers ${ContentLength} bytes of "${ContentRange ?? ''}"`,
    )
  }
  return lengthBytes
}

/**
 * Reads a body into one piece of memory: the buffer's beginning, where it fits. A short one is an
 * outage: the connection broke.
 */
async function readBody(
  { Body }: GetObjectCommandOutput,
  lengthBytes: number,
  buffer: Uint8Array | undefined,
): Promise<Uint8Array> {
  const bytes =
    buffer !== undefined && buffer.length >= lengthBytes
      ? buffer.subarray(0, lengthBytes)
      : new Uint8Array(lengthBytes)
  const done = Body instanceof Readable ? await pour(Body, bytes) : 0
  if (done === lengthBytes) return bytes
  throw Object.assign(new Error(`only ${done} of ${lengthBytes} bytes came`), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
}

/**
 * Copies what comes; gives how much that was. By events: an iterator would cost more than the copying.
 * After a failure nothing more is copied: the memory may be used for something else then.
 */
async function pour(body: Readable, bytes: Uint8Array): Promise<number> {
  let done = 0
  try {
    await new Promise<void>((resolve, reject) => {
      body.on('data', (part: Uint8Array) => {
        if (done + part.length > bytes.length) {
          reject(new OddAnswer('more bytes came than announced'))
          return
        }
        bytes.set(part, done)
        done += part.length
      })
      body.once('end', resolve)
      body.once('close', resolve)
      body.once('error', reject)
    })
    return done
  } catch (failure) {
    body.removeAllListeners('data')
    body.destroy()
    throw failure
  }
}
