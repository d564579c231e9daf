import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Storage } from '../../src/storage/contract.ts'
import type { TestClock } from './s3/test-clock.ts'

export interface TroubledRequest {
  readonly method: string
  readonly url: URL
  /** Without the bucket, decoded. */
  readonly name: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/**
 * Answers in place of the server: takes the request's own answer, which has taken effect only when
 * it is called. Returns false to let the server answer by itself.
 */
export type Trouble = (
  request: TroubledRequest,
  reply: { readonly response: ServerResponse; readonly socket: Socket; takeEffect(): void },
) => boolean | undefined

/** A server in memory that keeps objects in a bucket and misbehaves on demand. */
export interface TroubledServer {
  readonly endpoint: string
  readonly objects: { readonly size: number; clear(): void }
  readonly uploads: { readonly size: number; clear(): void }
  /** `PUT data/x`, in order. */
  readonly log: string[]
  trouble: Trouble | undefined
  readonly clock: TestClock
  /** Below the prefix `p/`, patient on a clock that costs no time. */
  storage(tools?: { readonly partBytes?: number; readonly silenceMs?: number }): Storage
  stop(): Promise<void>
}

/** An error as S3 and OSS write it. */
export function errorXml(code: string, message = 'injected'): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
}

/** A page as a server writes it; `next` is the token it goes on with. */
export function listXml(names: readonly string[], next: string | undefined): string {
  const contents = names.map(
    name =>
      `<Contents><Key>${encodeURIComponent(name)}</Key><Size>1</Size><LastModified>2026-11-21T10:00:00.000Z</LastModified></Contents>`,
  )
  const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`
  return `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${next !== undefined}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`
}

/** Sends a body in place of the server. */
export function reply(response: ServerResponse, status: number, body: string): true {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) })
  response.end(body)
  return true
}

/** A server that always answers the same. */
export const always =
  (
    status: number,
    body: string,
    headers: Readonly<Record<string, string | number>> = {},
  ): Trouble =>
  (_request, { response }) => {
    response.writeHead(status, headers)
    response.end(body)
    return true
  }
