import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { plainText } from './answers.ts'
import type { Bucket } from './bucket.ts'

/** What one request may name: the limit of S3 and of OSS. */
const keysPerRequest = 1000

export interface FailedDelete {
  readonly key: Key
  readonly error: Error
}

/** Deletes objects, 1000 a request; gives those that could not be, each with its reason. */
export async function deleteObjects<Client>(
  bucket: Bucket<Client>,
  keys: readonly Key[],
  io: Io,
): Promise<readonly FailedDelete[]> {
  const failed: FailedDelete[] = []
  for (let start = 0; start < keys.length; start += keysPerRequest) {
    failed.push(...(await deleteBatch(bucket, keys.slice(start, start + keysPerRequest), io)))
  }
  return failed
}

async function deleteBatch<Client>(
  { service, nameOf, send }: Bucket<Client>,
  keys: readonly Key[],
  io: Io,
): Promise<readonly FailedDelete[]> {
  let left = new Map(keys.map(key => [nameOf(key), key]))
  return await send('deleting', io, async client => {
    const { failed, isBusy } = await service.delete(client, [...left.keys()], io)
    // Only what has not gone is asked for again.
    left = new Map([...left].filter(([name]) => failed.has(name)))
    if (isBusy) throw service.busy('some objects could not be deleted yet')
    return [...failed].flatMap(([name, error]) => {
      const key = left.get(name)
      return key === undefined ? [] : [{ key, error }]
    })
  })
}

/** Why an object could not be deleted, as the server says it. */
export function deletionRefused(code = 'UnknownError', message = ''): Error {
  return new Error(plainText(`${code}: ${message}`))
}
