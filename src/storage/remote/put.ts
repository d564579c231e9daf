import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from './answers.ts'
import type { Bucket } from './bucket.ts'

/** Writes or replaces an object; writing the same bytes twice is writing them once. */
export async function putObject<Client>(
  { service, nameOf, send }: Bucket<Client>,
  key: Key,
  bytes: Uint8Array,
  io: Io,
  sha256?: Uint8Array,
): Promise<void> {
  const object = { name: nameOf(key), bytes, sha256 }
  await send(`writing ${key}`, io, client => service.put(client, object, io))
}

/** The receipt of a write: without it, it is none. @throws OddAnswer */
export function etagOfWrite(etag: unknown): string {
  if (typeof etag !== 'string') throw new OddAnswer('the answer to a write has no ETag')
  return etag
}
