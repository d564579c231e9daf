import type { Io } from '../../base/io.ts'
import type { GetAnswer, GetQuery } from '../remote/service.ts'
import type { Oss } from './client.ts'
import { lengthOf } from './head.ts'
import { exchange } from './transport.ts'

/** Asks for an object, or a range of it, and has the answer read. */
export async function getObject(
  { client }: Oss,
  { name, range, etag }: GetQuery,
  io: Io,
  read: (answer: GetAnswer) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const ctx = exchange(io, answer =>
    read({
      status: answer.statusCode,
      lengthBytes: lengthOf(answer.headers['content-length']),
      contentRange: answer.headers['content-range'],
      etag: answer.headers.etag,
      body: answer,
    }),
  )
  const headers = {
    // Without the second header OSS answers a range beyond the end with all of the object.
    ...(range === undefined ? {} : { Range: range, 'x-oss-range-behavior': 'standard' }),
    ...(etag === undefined ? {} : { 'If-Match': etag }),
  }
  return (await client.get(name, { ctx, headers })).content
}
