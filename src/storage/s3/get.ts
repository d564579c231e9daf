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
 * The object, or a range of it, exactly as long as it was asked for. @throws storage.not_found,
 * storage.failed where the answer is not what was asked for
 */
export async function getObject(
  requests: Requests,
  key: Key,
  io: Io,
  range: Range | undefined,
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
    return await readBody(answer, checkedLength(key, answer, range))
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

/** Reads a body into one piece of memory. A short one is an outage: the connection broke. */
async function readBody(
  { Body }: GetObjectCommandOutput,
  lengthBytes: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(lengthBytes)
  let done = 0
  for await (const part of (Body ?? []) as AsyncIterable<Uint8Array>) {
    if (done + part.length > lengthBytes) throw new OddAnswer('more bytes came than announced')
    bytes.set(part, done)
    done += part.length
  }
  if (done === lengthBytes) return bytes
  throw Object.assign(new Error(`only ${done} of ${lengthBytes} bytes came`), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
}
