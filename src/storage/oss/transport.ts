import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import { answerBody, errorBody } from '../remote/answers.ts'
import { connections } from '../remote/send.ts'
import { createTimeWatch, type TimeWatch } from '../remote/watch.ts'
import { OssRefusal } from './refusal.ts'

/**
 * What an operation tells the transport: ali-oss carries it through as `ctx`. By functions: it makes
 * deep copies of what is none, and a copy of a signal is no signal.
 */
export interface Exchange {
  signal(): AbortSignal
  /** Reads the body of a good answer; XML is read, within bounds, without it. */
  read?(answer: IncomingMessage): Promise<Uint8Array>
}

/** What one request is told: when to stop, and who reads its answer. */
export function exchange({ signal }: Io, read?: Exchange['read']): Exchange {
  return { signal: () => signal, ...(read === undefined ? {} : { read }) }
}

/** A good answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly data: Uint8Array
}

/** What ali-oss wants of a request. */
interface Request {
  readonly method: string
  readonly headers: Readonly<Record<string, string | number | undefined>>
  readonly content?: Uint8Array | string | undefined
  readonly ctx?: Exchange
}

export interface Transport extends TimeWatch {
  /** @throws OssRefusal, OddAnswer, or what Node says of a connection; nothing of it is tried again */
  request(url: string, request: Request): Promise<Answer & { readonly res: Answer }>
  /** True once an answer has shown that the bucket keeps versions, or did. */
  isVersioned(): boolean
}

const connectMs = 10_000

/**
 * HTTP for ali-oss, in place of urllib: that cannot be cancelled, counts a slow transfer as a dead one,
 * reads any answer to its end, and cannot read into memory that is lent.
 */
export async function createTransport(clock: Clock, silenceMs: number): Promise<Transport> {
  const [http, https] = await Promise.all([import('node:http'), import('node:https')])
  const agentOptions = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections }
  const plain = { request: http.request, agent: new http.Agent(agentOptions) }
  const secure = { request: https.request, agent: new https.Agent(agentOptions) }
  const watch = createTimeWatch(clock)
  let isVersioned = false
  return Object.freeze({
    ...watch,
    isVersioned: () => isVersioned,
    request: async (url, { method, headers, content, ctx }) => {
      const { request, agent } = url.startsWith('https:') ? secure : plain
      const body = typeof content === 'string' ? Buffer.from(content) : content
      const sending = request(url, {
        method,
        agent,
        headers: sentHeaders(method, headers, body),
        ...(ctx === undefined ? {} : { signal: ctx.signal() }),
      })
      const answer = await answerTo(sending, body, silenceMs)
      watch.note(answer.headers.date)
      isVersioned ||= answer.headers['x-oss-version-id'] !== undefined
      const status = answer.statusCode ?? 0
      try {
        if (status >= 300) throw await refusalOf(answer, status)
        const data = await (ctx?.read?.(answer) ?? answerBody(answer))
        const good: Answer = { status, headers: answer.headers, data }
        return { ...good, res: good }
      } catch (failure) {
        answer.destroy()
        throw failure
      }
    },
  } satisfies Transport)
}

/** Our own length: ali-oss counts characters. Our own host: it names Alibaba's for an IP address. */
function sentHeaders(method: string, headers: Request['headers'], body: Uint8Array | undefined) {
  const kept = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !/^(host|content-length)$/i.test(name),
  ) as [string, string | number][]
  const hasBody = method === 'PUT' || method === 'POST'
  return {
    ...Object.fromEntries(kept),
    ...(hasBody ? { 'content-length': body?.length ?? 0 } : {}),
  }
}

async function answerTo(
  sending: ClientRequest,
  body: Uint8Array | undefined,
  silenceMs: number,
): Promise<IncomingMessage> {
  const dead = (what: string) => (): void => {
    sending.destroy(Object.assign(new Error(what), { code: 'ETIMEDOUT' }))
  }
  // For as long as nothing comes and nothing goes, however long the whole takes.
  sending.setTimeout(silenceMs, dead(`silence for ${silenceMs / 1000} s`))
  sending.once('socket', socket => {
    if (!socket.connecting) return
    const timer = setTimeout(dead(`no connection in ${connectMs / 1000} s`), connectMs)
    const stop = (): void => clearTimeout(timer)
    socket.once('connect', stop).once('close', stop)
  })
  return await new Promise((resolve, reject) => {
    sending.once('response', resolve)
    sending.on('error', reject)
    sending.end(body)
  })
}

async function refusalOf(answer: IncomingMessage, status: number): Promise<OssRefusal> {
  const text = Buffer.from(await errorBody(answer)).toString()
  const { 'x-oss-err': hidden, 'x-oss-request-id': requestId } = answer.headers
  // An answer to HEAD has no body.
  const told =
    text === '' && typeof hidden === 'string' ? Buffer.from(hidden, 'base64').toString() : text
  return new OssRefusal(status, told, typeof requestId === 'string' ? requestId : undefined)
}
