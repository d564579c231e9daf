import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { flatPathOfKey, pathOfKey } from '../file-layout.ts'
import { temporaryPrefix } from '../key.ts'
import type { Retrier } from '../retry.ts'
import { hdfsError } from './errors.ts'
import { judgeFailure } from './failures.ts'
import type { HdfsPlace } from './place.ts'
import type { Wire } from './wire.ts'

/** Requests at the same time, and so connections to a host. */
export const connections = 64

/** How the operations reach the cluster: bounded in number, tried again, their failures explained. */
export interface Requests {
  /** Of the storage, for messages. */
  readonly url: string
  /** The directory that holds the objects; '' for the root. */
  readonly root: string
  /** Where what is not finished lies: in one directory, so that one list finds what was left. */
  readonly uploads: string
  /** Where an object is, and where it may be in a repository that was copied from elsewhere. */
  pathsOf(key: Key): readonly [string, ...string[]]
  /**
   * Does the work, again where that may help: it must be safe to repeat. `doing` begins the message
   * of a failure: `reading data/..`. @throws storage.*, or the signal's reason
   */
  send<T>(doing: string, io: Io, work: (wire: Wire, signal: AbortSignal) => Promise<T>): Promise<T>
}

export function createRequests(
  place: HdfsPlace,
  url: string,
  load: () => Promise<Wire>,
  retrier: Retrier,
): Requests {
  const limit = pLimit(connections)
  const root = place.path
  return Object.freeze({
    url,
    root,
    uploads: `${root}/${temporaryPrefix}uploads`,
    pathsOf: key => {
      const flat = flatPathOfKey(key)
      return [`${root}/${pathOfKey(key)}`, ...(flat === undefined ? [] : [`${root}/${flat}`])]
    },
    send: async (doing, io, work) => {
      const { signal } = io
      // One signal stops many transfers: its listeners are no leak, and Node need not warn of them.
      setMaxListeners(0, signal)
      const attempt = async (): Promise<Awaited<ReturnType<typeof work>>> => {
        signal.throwIfAborted()
        return await work(await load(), signal)
      }
      try {
        return await retrier.run(() => unlessAborted(signal, limit(attempt)), judgeFailure, io)
      } catch (failure) {
        signal.throwIfAborted()
        throw hdfsError(failure, doing, url, place)
      }
    },
  } satisfies Requests)
}

/** Ends the wait, also for a place in the queue, as soon as the signal says so. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
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
