import { createHash } from 'node:crypto'
import type { Io } from '../../base/io.ts'
import { writerField } from '../remote/create.ts'
import { etagOfWrite } from '../remote/put.ts'
import type { NewObject } from '../remote/service.ts'
import type { Sdk } from './client.ts'

/** The sha256 of bytes as S3's headers have it. */
export function base64Sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

interface PutInput extends NewObject {
  /** Kept beside the object: who wrote it. */
  readonly writer?: string
  readonly onlyIfAbsent?: boolean
}

/** Writes an object; the server refuses bytes of another sum. */
export async function putObject(
  { client, commands, bucket }: Sdk,
  { name, bytes, sha256, writer, onlyIfAbsent = false }: PutInput,
  io: Io,
): Promise<void> {
  const sum = sha256 === undefined ? base64Sha256(bytes) : Buffer.from(sha256).toString('base64')
  const { ETag } = await client.send(
    new commands.PutObjectCommand({
      Bucket: bucket,
      Key: name,
      Body: bytes,
      ChecksumSHA256: sum,
      ...(writer === undefined ? {} : { Metadata: { [writerField]: writer } }),
      ...(onlyIfAbsent ? { IfNoneMatch: '*' } : {}),
    }),
    { abortSignal: io.signal },
  )
  etagOfWrite(ETag)
}
