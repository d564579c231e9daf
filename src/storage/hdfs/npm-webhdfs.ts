import type { IncomingMessage } from 'node:http'
import webhdfs from 'webhdfs'
import { OddAnswer } from '../remote/answers.ts'
import { lostAnswer } from './failures.ts'
import type { HdfsPlace } from './place.ts'
import type { Transport } from './transport.ts'

/** The two operations that the package `webhdfs` does soundly, as it is configured here. */
export interface PackageClient {
  /** `GETFILESTATUS` of a percent-encoded path. */
  status(encodedPath: string, signal: AbortSignal): Promise<PackageAnswer>
  /** `MKDIRS`, with parents. */
  makeFolder(encodedPath: string, mode: string, signal: AbortSignal): Promise<PackageAnswer>
}

/** As it came: judged by us, since the package says of failures neither status nor name. */
export interface PackageAnswer {
  readonly head: IncomingMessage
  readonly body: Buffer
}

/** An answer to either operation is some hundred bytes. */
const limitBytes = 64 * 1024

/**
 * The package for one namenode. It is kept from what it does badly: `json: false` leaves bodies
 * unread (it parses them unguarded, and an empty one ends the process), redirects and the proxies of
 * the environment are off, paths come encoded, and answers are taken from its request, not from its
 * callbacks (which call `{"boolean":false}` a success).
 */
export function createPackageClient(
  namenode: string,
  { user, delegationToken }: HdfsPlace,
  { agents, silenceMs }: Transport,
): PackageClient {
  const url = new URL(namenode)
  const isTls = url.protocol === 'https:'
  const client = webhdfs.createClient(
    {
      protocol: isTls ? 'https' : 'http',
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (isTls ? '443' : '80') : url.port,
      path: '/webhdfs/v1',
      ...(user === undefined ? {} : { user }),
    },
    {
      json: false,
      encoding: null,
      followRedirect: false,
      proxy: null,
      timeout: silenceMs,
      agent: isTls ? agents.https : agents.http,
      ...(delegationToken === undefined ? {} : { qs: { delegation: delegationToken.reveal() } }),
    },
  )
  return Object.freeze({
    status: (path, signal) => settle(() => client.stat(path, ignore), signal),
    makeFolder: (path, mode, signal) => settle(() => client.mkdir(path, mode, ignore), signal),
  } satisfies PackageClient)
}

/** What the package tells its callbacks, its request tells better. */
function ignore(): void {}

async function settle(
  send: () => ReturnType<ReturnType<typeof webhdfs.createClient>['stat']>,
  signal: AbortSignal,
): Promise<PackageAnswer> {
  signal.throwIfAborted()
  return await new Promise<PackageAnswer>((resolve, reject) => {
    const request = send()
    const stop = (): void => {
      request.abort()
      reject(signal.reason)
    }
    const finish = (): void => signal.removeEventListener('abort', stop)
    signal.addEventListener('abort', stop, { once: true })
    let sizeBytes = 0
    request.on('data', (part: Buffer) => {
      sizeBytes += part.length
      if (sizeBytes <= limitBytes) return
      finish()
      request.abort()
      reject(new OddAnswer(`the answer is longer than ${limitBytes} bytes`))
    })
    request.on('error', (failure: unknown) => {
      finish()
      reject(failure)
    })
    request.on('complete', (head: IncomingMessage, body: unknown) => {
      finish()
      // Node tells of one that broke off by an error; the package alone would call it whole.
      if (!head.complete) reject(lostAnswer('only part of the answer came'))
      else resolve({ head, body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) })
    })
  })
}
