import { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import type { Clock } from '../../base/clock.ts'

/** What is remembered of the answers of a server. */
export interface AnswerWatch {
  /** The server's time now: its latest `Date`, and what has passed since. */
  serverTime(): Date | undefined
}

/** An answer that no S3 server gives: it is told as such, not tried again. */
export class OddAnswer extends Error {
  override readonly name = 'OddAnswer'
}

/** A list of 1000 keys of 1024 bytes, each byte written as %XX, and what stands around them. */
const answerLimitBytes = 8 * 1024 * 1024
/** Errors are a few hundred bytes. */
const errorLimitBytes = 64 * 1024

interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  body: unknown
}

/**
 * Bounds what is read of an answer before the SDK parses it: a huge error or a document type with
 * entities never reaches a parser. Bodies of objects are left to their reader.
 */
export function boundAnswers(client: S3Client, clock: Clock): AnswerWatch {
  let latest: { readonly serverMs: number; readonly hereMs: number } | undefined
  client.middlewareStack.add(
    (next, context) => async args => {
      const result = await next(args)
      const response = result.response as Answer
      const serverMs = Date.parse(response.headers['date'] ?? '')
      if (!Number.isNaN(serverMs)) latest = { serverMs, hereMs: clock.monotonicMs() }
      if (response.statusCode >= 300) {
        response.body = await errorBody(response.body)
      } else if (context['commandName'] !== 'GetObjectCommand') {
        response.body = await answerBody(response.body)
      }
      return result
    },
    // Innermost: the first to see what came from the wire.
    { step: 'deserialize', priority: 'low', name: 'bkpBoundAnswers' },
  )
  return Object.freeze({
    serverTime: () =>
      latest === undefined
        ? undefined
        : new Date(latest.serverMs + clock.monotonicMs() - latest.hereMs),
  })
}

/** An error's text; nothing of one that is too long or strange: its status says enough. */
async function errorBody(body: unknown): Promise<Uint8Array> {
  const bytes = await readBounded(body, errorLimitBytes)
  return bytes === undefined || hasDocumentType(bytes) ? new Uint8Array() : bytes
}

async function answerBody(body: unknown): Promise<Uint8Array> {
  const bytes = await readBounded(body, answerLimitBytes)
  if (bytes === undefined) {
    throw new OddAnswer(`the answer is longer than ${answerLimitBytes} bytes`)
  }
  if (hasDocumentType(bytes)) throw new OddAnswer('the answer declares a document type')
  return bytes
}

/** Up to so many bytes of a body; nothing when there are more, and the rest is not read. */
async function readBounded(body: unknown, limitBytes: number): Promise<Uint8Array | undefined> {
  if (!(body instanceof Readable)) return new Uint8Array()
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of body) {
    sizeBytes += (part as Uint8Array).length
    if (sizeBytes > limitBytes) return undefined
    parts.push(part as Uint8Array)
  }
  return Buffer.concat(parts)
}

function hasDocumentType(bytes: Uint8Array): boolean {
  return /<!(DOCTYPE|ENTITY)/i.test(Buffer.from(bytes).toString('latin1'))
}
