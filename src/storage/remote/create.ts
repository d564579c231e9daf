import type { RandomBytes } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import type { Bucket } from './bucket.ts'
import type { ObjectHead } from './service.ts'

/** In an object's metadata: the random text of whoever created it. */
export const writerField = 'bkp-writer'

/** The text by which a writer knows its own object after a lost answer. */
export function newWriter(random: RandomBytes): string {
  return Buffer.from(random(16)).toString('hex')
}

/** Creates an object unless it is there. @throws storage.* */
export async function createObject<Client>(
  { service, nameOf, send }: Bucket<Client>,
  key: Key,
  bytes: Uint8Array,
  io: Io,
  random: RandomBytes,
): Promise<'created' | 'exists'> {
  const object = { name: nameOf(key), bytes, writer: newWriter(random) }
  return await send(`creating ${key}`, io, client => service.create(client, object, io))
}

/** What an object that is there means for who wants to create it. */
export function outcomeFor(writer: string, found: ObjectHead): 'created' | 'exists' {
  return found.writer === writer ? 'created' : 'exists'
}

/** Refused as there, and deleted since: nothing says any more what became of ours. */
export function vanished(cause: unknown): BkpError {
  return new BkpError('storage.failed', 'an object was there and then was not', {
    cause,
    hint: 'something deletes objects of the repository while it is written; find out what',
  })
}
