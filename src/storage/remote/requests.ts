import type { BkpError } from '../../base/errors.ts'
import type { Key } from '../contract.ts'
import { createSend, type Send, type SendTools } from './send.ts'

/** How the operations reach the objects of a bucket. */
export interface Requests<Client> {
  readonly bucket: string
  /** Of the storage, for messages. */
  readonly url: string
  /** The name of an object in the bucket. */
  nameOf(key: Key): string
  /** The key of a name in the bucket, without the prefix; nothing for names outside it. */
  keyTextOf(name: string): string | undefined
  readonly send: Send<Client>
  /** What a failure means for the user. */
  explain(failure: unknown, doing: string): BkpError
}

export interface RequestTools<Client> extends SendTools<Client> {
  /** Of the storage, for messages. */
  readonly url: string
  readonly bucket: string
  /** Empty, or ending with a slash. */
  readonly prefix: string
}

export function createRequests<Client>(tools: RequestTools<Client>): Requests<Client> {
  const { url, bucket, prefix, explain } = tools
  return Object.freeze({
    bucket,
    url,
    nameOf: key => prefix + key,
    keyTextOf: name => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined),
    send: createSend(tools),
    explain,
  } satisfies Requests<Client>)
}
