import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import type { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import type { Retrier, Verdict } from '../retry.ts'

/** Requests at the same time, and so connections: for 16 to 32 transfers and what they ask between. */
export const connections = 64

/** How the operations reach the server: bounded in number, tried again, their failures explained. */
export interface Requests<Client> {
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
  send<T>(doing: string, io: Io, work: (client: Client) => Promise<T>): Promise<T>
  /** What a failure means for the user. */
  explain(failure: unknown, doing: string): BkpError
}

export interface RequestTools<Client> {
  /** Of the storage, for messages. */
  readonly url: string
  readonly bucket: string
  /** Empty, or ending with a slash. */
  readonly prefix: string
  load(): Promise<Client>
  readonly retrier: Retrier
  /** Whether it may help to try again. */
  judge(failure: unknown): Verdict
  explain(failure: unknown, doing: string): BkpError
}

export function createRequests<Client>(tools: RequestTools<Client>): Requests<Client> {
  const { url, bucket, prefix, load, retrier, judge, explain } = tools
  const limit = pLimit(connections)
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
        return await retrier.run(() => unlessAborted(io, limit(attempt)), judge, io)
      } catch (failure) {
        io.signal.throwIfAborted()
        throw explain(failure, doing)
      }
    },
    explain,
  } satisfies Requests<Client>)
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
