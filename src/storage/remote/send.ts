import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import type { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Retrier, Verdict } from '../retry.ts'

/** Requests at the same time, and so connections: for 16 to 32 transfers and what they ask between. */
export const connections = 64

/**
 * Sends what the work sends, again where that may help: it must be safe to repeat. `doing` begins
 * the message of a failure: `reading data/..`. @throws storage.*, or the signal's reason
 */
export type Send<Client> = <T>(
  doing: string,
  io: Io,
  work: (client: Client) => Promise<T>,
) => Promise<T>

export interface SendTools<Client> {
  load(): Promise<Client>
  readonly retrier: Retrier
  /** Whether it may help to try again. */
  judge(failure: unknown): Verdict
  /** What a failure means for the user. */
  explain(failure: unknown, doing: string): BkpError
}

/** How operations reach a server: bounded in number, tried again, their failures explained. */
export function createSend<Client>(tools: SendTools<Client>): Send<Client> {
  const { load, retrier, judge, explain } = tools
  const limit = pLimit(connections)
  return async (doing, io, work) => {
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
  }
}

/** Ends the wait, also for a place in the queue, as soon as the signal says so. */
async function unlessAborted<T>({ signal }: Io, work: Promise<T>): Promise<T> {
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
