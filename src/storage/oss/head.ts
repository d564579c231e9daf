import type { Io } from '../../base/io.ts'
import { writerField } from '../remote/create.ts'
import type { ObjectHead } from '../remote/service.ts'
import type { Oss } from './client.ts'
import { readFailure } from './errors.ts'
import { exchange } from './transport.ts'

/** Asks what there is under a name. */
export async function headObject({ client }: Oss, name: string, io: Io): Promise<ObjectHead> {
  const { headers } = (await client.head(name, { ctx: exchange(io) })).res
  const modified = new Date(headers['last-modified'] ?? Number.NaN)
  // The header that ali-oss gives a field of metadata.
  const writer = headers[`x-oss-meta-${writerField}`]
  return {
    sizeBytes: lengthOf(headers['content-length']),
    modified: Number.isNaN(modified.getTime()) ? undefined : modified,
    etag: headers.etag,
    writer: typeof writer === 'string' ? writer : undefined,
  }
}

/** True where an answer to HEAD says that there is no such object. */
export function isMissing(failure: unknown): boolean {
  const { name, status } = readFailure(failure)
  // Such an answer may have no words.
  return status === 404 && name !== 'NoSuchBucket'
}

/** A `Content-Length`. */
export function lengthOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
