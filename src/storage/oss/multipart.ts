import type { Io } from '../../base/io.ts'
import { writerField } from '../remote/create.ts'
import { etagOfWrite } from '../remote/put.ts'
import type { SentPart, Service, Upload } from '../remote/service.ts'
import type { Oss } from './client.ts'
import { sendPut } from './put.ts'
import { exchange } from './transport.ts'

/** Uploads in parts. */
export const multipart: Pick<
  Service<Oss>,
  'begin' | 'sendPart' | 'complete' | 'abort'
> = Object.freeze({ begin, sendPart, complete, abort })

async function begin({ client }: Oss, name: string, writer: string, io: Io): Promise<unknown> {
  const { uploadId } = await client.initMultipartUpload(name, {
    ctx: exchange(io),
    mime: 'application/octet-stream',
    meta: { [writerField]: writer },
  })
  return uploadId
}

/** By `put`: what ali-oss has for parts streams them, without a sum. */
async function sendPart(
  oss: Oss,
  { name, id }: Upload,
  number: number,
  bytes: Uint8Array,
  io: Io,
): Promise<SentPart> {
  const subres = { partNumber: String(number), uploadId: id }
  return { number, etag: await sendPut(oss, { name, bytes, subres }, io) }
}

async function complete(
  { client }: Oss,
  { name, id }: Upload,
  parts: readonly SentPart[],
  io: Io,
): Promise<void> {
  const { etag } = await client.completeMultipartUpload(name, id, parts, { ctx: exchange(io) })
  etagOfWrite(etag)
}

async function abort({ client }: Oss, { name, id }: Upload, io: Io): Promise<void> {
  await client.abortMultipartUpload(name, id, { ctx: exchange(io) })
}
