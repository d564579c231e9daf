import type { Readable } from 'node:stream'
import { BkpError } from '../../base/errors.ts'
import type { Key } from '../contract.ts'
import { checkedRange, type Range } from '../range.ts'
import { OddAnswer } from './answers.ts'

/** Larger objects are read in ranges: nobody holds them whole. */
const largestWholeBytes = 1024 ** 3

/** The `Range` header that asks for it. @throws storage.failed for one that is none */
export function rangeHeader(key: Key, range: Range): string {
  // Checked against itself only: how long the object is, the server knows.
  checkedRange(key, range.offset + range.lengthBytes, range)
  return `bytes=${range.offset}-${range.offset + range.lengthBytes - 1}`
}

/** What an answer says about its body. */
export interface BodyHead {
  readonly status: number | undefined
  /** Of `Content-Length`. */
  readonly lengthBytes: number | undefined
  readonly contentRange: string | undefined
}

/**
 * How many bytes the answer holds, when that is what was asked for. @throws OddAnswer where it is
 * not; storage.failed for an object that is too large, or too short for the range
 */
export function checkedLength(key: Key, head: BodyHead, range: Range | undefined): number {
  const { status, lengthBytes: length, contentRange } = head
  const wanted = range === undefined ? 200 : 206
  if (status !== wanted) {
    const asked = range === undefined ? 'a whole object' : 'a part of an object'
    throw new OddAnswer(`asked for ${asked}, the server answers ${status}, not ${wanted}`)
  }
  if (length === undefined || !Number.isSafeInteger(length) || length < 0) {
    throw new OddAnswer('the answer does not say how long it is')
  }
  if (range === undefined) return checkedWhole(key, length)
  const { offset, lengthBytes } = range
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(contentRange ?? '') ?? []
  // A part that ends with the object is cut short by rule: that is for the caller to know.
  if (total !== undefined && total !== '*') checkedRange(key, Number(total), range)
  const isRight = Number(first) === offset && Number(last) === offset + lengthBytes - 1
  if (!isRight || length !== lengthBytes) {
    throw new OddAnswer(
      `asked for bytes ${offset} to ${offset + lengthBytes - 1}, the server answers ${length} bytes of "${contentRange ?? ''}"`,
    )
  }
  return lengthBytes
}

/** The length of a whole object. @throws storage.failed for one that is too large */
export function checkedWhole(key: Key, lengthBytes: number): number {
  if (lengthBytes <= largestWholeBytes) return lengthBytes
  throw new BkpError('storage.failed', `object ${key} is ${lengthBytes} bytes long`, {
    hint: 'no object of a repository is that large; see who wrote it',
    details: { key },
  })
}

/** Reads a body into one piece of memory. A short one is an outage: the connection broke. */
export async function receive(
  body: Readable | undefined,
  lengthBytes: number,
  buffer: Uint8Array | undefined,
): Promise<Uint8Array> {
  const bytes = memoryFor(lengthBytes, buffer)
  const done = body === undefined ? 0 : await pour(body, bytes, 'announced')
  if (done === lengthBytes) return bytes
  throw Object.assign(new Error(`only ${done} of ${lengthBytes} bytes came`), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
}

/** The buffer's beginning, where so many bytes fit. */
export function memoryFor(lengthBytes: number, buffer: Uint8Array | undefined): Uint8Array {
  return buffer !== undefined && buffer.length >= lengthBytes
    ? buffer.subarray(0, lengthBytes)
    : new Uint8Array(lengthBytes)
}

/**
 * Copies what comes; gives how much that was. By events: an iterator would cost more than the copying.
 * Nothing is copied later: the memory may be used for something else then.
 * @throws OddAnswer for more than fits: than was announced, or than was asked for
 */
export async function pour(
  body: Readable,
  bytes: Uint8Array,
  fits: 'announced' | 'were asked for',
): Promise<number> {
  let done = 0
  try {
    await new Promise<void>((resolve, reject) => {
      body.on('data', (part: Uint8Array) => {
        if (done + part.length > bytes.length) {
          reject(new OddAnswer(`more bytes came than ${fits}`))
          return
        }
        bytes.set(part, done)
        done += part.length
      })
      body.once('end', resolve)
      body.once('close', resolve)
      body.on('error', reject)
    })
    return done
  } finally {
    body.removeAllListeners('data')
  }
}
