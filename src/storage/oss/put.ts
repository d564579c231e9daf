import { createHash } from 'node:crypto'
import type { Io } from '../../base/io.ts'
import { OddAnswer } from '../remote/answers.ts'
import { writerField } from '../remote/create.ts'
import { etagOfWrite } from '../remote/put.ts'
import type { NewObject } from '../remote/service.ts'
import type { Oss } from './client.ts'
import { type Answer, exchange } from './transport.ts'

interface PutInput extends NewObject {
  /** Kept beside the object: who wrote it. */
  readonly writer?: string
  readonly onlyIfAbsent?: boolean
  /** What the bytes are a part of. */
  readonly subres?: Readonly<Record<string, string>>
}

/**
 * Sends bytes with their MD5, which the server checks: signatures of OSS do not cover the body. Gives
 * the ETag. @throws OddAnswer where the server says that it has stored other bytes
 */
export async function sendPut(
  { client }: Oss,
  { name, bytes, writer, onlyIfAbsent = false, subres }: PutInput,
  io: Io,
): Promise<string> {
  const md5 = createHash('md5').update(bytes).digest()
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const { res } = await client.put(name, content, {
    ctx: exchange(io),
    mime: 'application/octet-stream',
    headers: {
      'Content-MD5': md5.toString('base64'),
      ...(onlyIfAbsent ? { 'x-oss-forbid-overwrite': 'true' } : {}),
    },
    ...(writer === undefined ? {} : { meta: { [writerField]: writer } }),
    ...(subres === undefined ? {} : { subres }),
  })
  return checkedEtag(res, md5)
}

function checkedEtag({ headers }: Answer, md5: Buffer): string {
  const etag = etagOfWrite(headers.etag)
  // What the server has encrypted may bear another sum.
  const isPlain = headers['x-oss-server-side-encryption'] === undefined
  const sum = /^"?([0-9a-f]{32})"?$/i.exec(etag)?.[1]
  if (isPlain && sum !== undefined && sum.toLowerCase() !== md5.toString('hex')) {
    throw new OddAnswer('the server has stored other bytes than it was sent')
  }
  return etag
}

/** Writes or replaces an object. */
export async function putObject(oss: Oss, object: NewObject, io: Io): Promise<void> {
  await sendPut(oss, object, io)
}
