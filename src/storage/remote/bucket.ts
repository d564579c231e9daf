import type { Key } from '../contract.ts'
import type { Retrier } from '../retry.ts'
import { createSend, type Send } from './send.ts'
import type { Service } from './service.ts'

/** How the operations reach the objects below a prefix of a bucket. */
export interface Bucket<Client> {
  /** Of the storage, for messages. */
  readonly url: string
  readonly service: Service<Client>
  /** The name of an object in the bucket. */
  nameOf(key: Key): string
  /** The key of a name in the bucket, without the prefix; nothing for names outside it. */
  keyTextOf(name: string): string | undefined
  /** The service's library, loaded once. */
  load(): Promise<Client>
  readonly send: Send<Client>
}

export interface BucketTools<Client> {
  readonly url: string
  /** Empty, or ending with a slash. */
  readonly prefix: string
  readonly service: Service<Client>
  readonly retrier: Retrier
}

export function createBucket<Client>(tools: BucketTools<Client>): Bucket<Client> {
  const { url, prefix, service, retrier } = tools
  const { judge, explain } = service
  let client: Promise<Client> | undefined
  const load = (): Promise<Client> => {
    client ??= service.load()
    return client
  }
  return Object.freeze({
    url,
    service,
    nameOf: key => prefix + key,
    keyTextOf: name => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined),
    load,
    send: createSend({ load, retrier, judge, explain }),
  } satisfies Bucket<Client>)
}
