import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { checkAccess, type OssDoor } from './oss-server-access.ts'
import { faultAnswer, type OssAnswer, OssFault } from './oss-server-answers.ts'
import {
  createOssBucket,
  type OssBucket,
  type OssBucketOptions,
  operate,
} from './oss-server-bucket.ts'

/**
 * An OSS server in memory. There is none to install; this one is made after what two SDKs send
 * (specs/storage.md §3) and what the documentation says, and checks every signature.
 */
export interface OssServer {
  /** `http://HOST:PORT` */
  readonly endpoint: string
  readonly bucket: OssBucket
  /** `PUT data/x ?uploads`, in order. */
  readonly log: string[]
  trouble: OssTrouble | undefined
  stop(): Promise<void>
}

export interface OssServerOptions extends Partial<Omit<OssBucketOptions, 'now'>> {
  readonly keys: OssDoor['keys']
  readonly region?: string
  readonly now?: () => Date
  /** Hosts that are domains of the bucket's own. */
  readonly cnames?: readonly string[]
  /** What stands behind the bucket in a host: `localhost` in `backups.localhost`. */
  readonly domain?: string
  /** 127.0.0.1 without it. */
  readonly host?: string
  readonly port?: number
}

export interface OssServerRequest {
  readonly method: string
  readonly url: URL
  /** Decoded, without the bucket. */
  readonly name: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/**
 * Answers in place of the server: takes the request's own answer, which has taken effect only when
 * it is called. Returns true where it did.
 */
export type OssTrouble = (
  request: OssServerRequest,
  reply: { readonly response: ServerResponse; readonly socket: Socket; takeEffect(): void },
) => boolean | undefined

export async function startOssServer(options: OssServerOptions): Promise<OssServer> {
  const now = options.now ?? (() => new Date())
  const bucket = createOssBucket({
    name: 'backups',
    versioning: 'off',
    hidesVersioning: false,
    leastPartBytes: 102_400,
    pageKeys: 1000,
    ...options,
    now,
  })
  const door: OssDoor = { keys: options.keys, region: options.region ?? 'cn-hangzhou', now }
  const log: string[] = []
  let requests = 0
  const server: Server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', chunk => chunks.push(chunk))
    incoming.on('end', () => {
      requests += 1
      const requestId = requests.toString(16).toUpperCase().padStart(24, '0')
      const body = Buffer.concat(chunks)
      const { method = '', headers, socket } = incoming
      const url = new URL(incoming.url ?? '/', 'http://oss.test')
      const place = placeOf(incoming, bucket.name, options)
      log.push(`${method} ${place.name}${url.search === '' ? '' : ` ${url.search}`}`)
      let effect: OssAnswer | undefined
      const takeEffect = (): void => {
        effect ??= answer({ incoming, url, body, requestId, ...place }, bucket, door)
      }
      const request = { method, url, name: place.name, headers, body }
      if (handle.trouble?.(request, { response, socket, takeEffect }) === true) return
      takeEffect()
      sendOssAnswer(response, effect ?? { status: 500 }, { method, requestId, date: now() })
    })
  })
  const { host = '127.0.0.1', port = 0 } = options
  await new Promise<void>(resolve => server.listen(port, host, resolve))
  const handle: OssServer = {
    endpoint: `http://${host}:${(server.address() as AddressInfo).port}`,
    bucket,
    log,
    trouble: undefined,
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return handle
}

interface Place {
  readonly bucketName: string
  readonly name: string
}

/** Bucket and name: of the host, where it begins with a bucket or is bound to one; else of the path. */
function placeOf(
  { url = '/', headers: { host = '' } }: IncomingMessage,
  bucketName: string,
  { cnames = [], domain = 'localhost' }: OssServerOptions,
): Place {
  const path = decodeURIComponent(url.split('?')[0] ?? '/').slice(1)
  const hostname = host.replace(/:\d+$/, '')
  if (cnames.includes(hostname)) return { bucketName, name: path }
  // `backups.localhost`, and `backups.oss-cn-hangzhou.aliyuncs.com` as well.
  const [front = '', ...rest] = hostname.split('.')
  if (rest.join('.') === domain || hostname.endsWith('.aliyuncs.com')) {
    return { bucketName: front, name: path }
  }
  const slash = path.indexOf('/')
  return slash < 0
    ? { bucketName: path, name: '' }
    : { bucketName: path.slice(0, slash), name: path.slice(slash + 1) }
}

function answer(
  request: Place & {
    readonly incoming: IncomingMessage
    readonly url: URL
    readonly body: Buffer
    readonly requestId: string
  },
  bucket: OssBucket,
  door: OssDoor,
): OssAnswer {
  const { incoming, url, body, requestId, bucketName, name } = request
  const { method = '', headers } = incoming
  const query = [...url.searchParams]
  try {
    checkAccess({ method, bucket: bucketName, key: name, query, headers }, door)
    if (bucketName !== bucket.name) throw new OssFault(404, 'NoSuchBucket', '0015-00000101')
    return operate(bucket, { method, name, query: new Map(query), headers, body })
  } catch (fault) {
    if (!(fault instanceof OssFault)) throw fault
    return faultAnswer(fault, requestId, method === 'HEAD')
  }
}

function sendOssAnswer(
  response: ServerResponse,
  { status, headers = {}, body = '' }: OssAnswer,
  about: { readonly method: string; readonly requestId: string; readonly date: Date },
): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    date: about.date.toUTCString(),
    server: 'AliyunOSS',
    'x-oss-request-id': about.requestId,
    ...(status === 204 ? {} : { 'content-length': bytes.length }),
    ...headers,
  })
  response.end(about.method === 'HEAD' ? undefined : bytes)
}
