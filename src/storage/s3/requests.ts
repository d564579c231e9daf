import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import type { Retrier } from '../retry.ts'
import { connections, type Sdk } from './client.ts'
import { judgeFailure, s3Error } from './errors.ts'
import type { S3Place } from './place.ts'

/** How the operations reach the server: bounded in number, tried again, their failures explained. */
export interface Requests {
  readonly bucket: string
  /** Of the storage, for messages. */
  readonly url: string
  /** The name of an object in the bucket. */
  nameOf(key: Key): string
  /** The key of a name in the bucket, without the prefix; nothing for names outside it. */
  keyTextOf(name: string): string | undefined
  /**
   * Sends what the work sends, again where that may help: it must be safe to repeat. `doing` begins
   * the message of a failure: `reading data/..`. @throws storage.*, or the signal's reason
   */
  send<T>(doing: string, io: Io, work: (sdk: Sdk) => Promise<T>): Promise<T>
}

export function createRequests(
  place: S3Place,
  url: string,
  load: () => Promise<Sdk>,
  retrier: Retrier,
): Requests {
  const limit = pLimit(connections)
  const { bucket, prefix } = place
  return Object.freeze({
    bucket,
    url,
    nameOf: key => prefix + key,
    keyTextOf: name => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined),
    send: async (doing, io, work) => {
      // One signal stops many transfers: its listeners are no leak, and Node need not warn of them.
      setMaxListeners(0, io.signal)
      const attempt = async (): Promise<Awaited<ReturnType<typeof work>>> => {
        io.signal.throwIfAborted()
        return await work(await load())
      }
      try {
        return await retrier.run(() => unlessAborted(io, limit(attempt)), judgeFailure, io)
      } catch (failure) {
        io.signal.throwIfAborted()
        throw s3Error(failure, doing, url, place)
      }
    },
  } satisfies Requests)
}

/** Ends the wait, also for a place in the queue, as soon as the signal says so. */
async function unlessAborted<T>(io: Io, work: Promise<T>): Promise<T> {
  const { signal } = io
  signal.throwIfAborted()
  let stop = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
    work.catch(() => {})
  }
}
