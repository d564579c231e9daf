import type { IncomingMessage } from 'node:http'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { notFound } from '../memory.ts'
import { checkedRange, type Range } from '../range.ts'
import { OddAnswer } from '../remote/answers.ts'
import { checkedWhole, memoryFor, pour } from '../remote/receive.ts'
import { isAbsence, lostAnswer, Refusal } from './failures.ts'
import type { Requests } from './requests.ts'
import type { Wire } from './wire.ts'

/** Where, and how much, one read is of. */
interface Reading {
  readonly key: Key
  readonly path: string
  readonly range: Range | undefined
  readonly buffer: Uint8Array | undefined
}

/**
 * The object, or a range of it, exactly as long as it was asked for; in the buffer, where it fits.
 * @throws storage.not_found, storage.failed where the answer is not what was asked for
 */
export async function getObject(
  requests: Requests,
  key: Key,
  io: Io,
  range: Range | undefined,
  buffer: Uint8Array | undefined,
): Promise<Uint8Array> {
  // Checked against itself only: how long the object is, the server knows.
  if (range !== undefined) checkedRange(key, range.offset + range.lengthBytes, range)
  return await requests.send(`reading ${key}`, io, async (wire, signal) => {
    let cause: unknown
    for (const path of requests.pathsOf(key)) {
      try {
        return await readObject(wire, { key, path, range, buffer }, signal)
      } catch (failure) {
        if (!isAbsence(failure)) throw failure
        cause = failure
      }
    }
    throw notFound(requests.url, key, cause)
  })
}

async function readObject(wire: Wire, reading: Reading, signal: AbortSignal): Promise<Uint8Array> {
  const { key, range } = reading
  if (range?.lengthBytes === 0) {
    checkedRange(key, await sizeOf(wire, reading, signal), range)
    return new Uint8Array()
  }
  let head: IncomingMessage
  try {
    head = await wire.open(reading.path, range, signal)
  } catch (failure) {
    const isBeyond = failure instanceof Refusal && /out of the range/.test(failure.message)
    if (!isBeyond || range === undefined) throw failure
    checkedRange(key, await sizeOf(wire, reading, signal), range)
    throw failure
  }
  try {
    const length = await lengthOf(wire, reading, head, signal)
    return await readBody(head, length, reading.buffer)
  } finally {
    head.destroy()
  }
}

async function sizeOf(wire: Wire, { key, path }: Reading, signal: AbortSignal): Promise<number> {
  const status = await wire.status(path, signal)
  if (status?.isFile === true) return status.sizeBytes
  throw new Refusal(404, 'FileNotFoundException', `there is no file ${key}`)
}

/** How many bytes the answer must hold, when that is what was asked for. */
async function lengthOf(
  wire: Wire,
  reading: Reading,
  { headers }: IncomingMessage,
  signal: AbortSignal,
): Promise<number> {
  const { key, range } = reading
  const announced = headers['content-length']
  const length = announced === undefined ? undefined : Number(announced)
  if (range !== undefined) {
    if (length === undefined || length === range.lengthBytes) return range.lengthBytes
    // A part that ends with the object is cut short by rule: that is for the caller to know.
    checkedRange(key, await sizeOf(wire, reading, signal), range)
    throw new OddAnswer(`asked for ${range.lengthBytes} bytes, a datanode answers ${announced}`)
  }
  const whole = length ?? (await sizeOf(wire, reading, signal))
  if (!Number.isSafeInteger(whole) || whole < 0) {
    throw new OddAnswer('the answer does not say how long it is')
  }
  return checkedWhole(key, whole)
}

/** Reads a body into one piece of memory: the buffer's beginning, where it fits. */
async function readBody(
  body: IncomingMessage,
  lengthBytes: number,
  buffer: Uint8Array | undefined,
): Promise<Uint8Array> {
  const bytes = memoryFor(lengthBytes, buffer)
  const done = await pour(body, bytes, 'were asked for')
  if (done === lengthBytes && body.complete) return bytes
  throw lostAnswer(`only ${done} of ${lengthBytes} bytes came`)
}
