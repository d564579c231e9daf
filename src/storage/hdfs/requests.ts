import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { flatPathOfKey, pathOfKey } from '../file-layout.ts'
import { temporaryPrefix } from '../key.ts'
import { createSend } from '../remote/send.ts'
import type { Retrier } from '../retry.ts'
import { hdfsError } from './errors.ts'
import { judgeFailure } from './failures.ts'
import type { HdfsPlace } from './place.ts'
import type { Wire } from './wire.ts'

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
  const root = place.path
  const send = createSend({
    load,
    retrier,
    judge: judgeFailure,
    explain: (failure, doing) => hdfsError(failure, doing, url, place),
  })
  return Object.freeze({
    url,
    root,
    uploads: `${root}/${temporaryPrefix}uploads`,
    pathsOf: key => {
      const flat = flatPathOfKey(key)
      return [`${root}/${pathOfKey(key)}`, ...(flat === undefined ? [] : [`${root}/${flat}`])]
    },
    send: (doing, io, work) => send(doing, io, wire => work(wire, io.signal)),
  } satisfies Requests)
}
