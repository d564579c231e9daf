import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { OddAnswer } from '../remote/answers.ts'
import { connections } from '../remote/send.ts'
import { lostAnswer } from './failures.ts'
import { guardedLookup } from './redirects.ts'

/** One HTTP request. */
export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly signal: AbortSignal
  readonly body?: Body
  /** The address was named by a server: what it leads to is looked at. */
  readonly isRedirected?: boolean
}

/** What is sent. Exactly so many bytes: more or fewer are the source's own error. */
export interface Body {
  readonly lengthBytes: number
  readonly parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/** How requests travel; redirects are told, not followed. */
export interface Transport {
  /** The head of the answer; its body is for the caller to read or destroy. */
  exchange(request: Exchange): Promise<IncomingMessage>
  readonly agents: { readonly http: http.Agent; readonly https: https.Agent }
  readonly silenceMs: number
}

const connectMs = 10_000

export function createTransport(silenceMs: number): Transport {
  const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections }
  const agents = { http: new http.Agent(options), https: new https.Agent(options) }
  return Object.freeze({
    agents,
    silenceMs,
    exchange: request => exchange(request, agents, silenceMs),
  } satisfies Transport)
}

async function exchange(
  { method, url, signal, body, isRedirected = false }: Exchange,
  agents: Transport['agents'],
  silenceMs: number,
): Promise<IncomingMessage> {
  signal.throwIfAborted()
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const isTls = url.protocol === 'https:'
    const request = (isTls ? https : http).request(url, {
      method,
      signal,
      agent: isTls ? agents.https : agents.http,
      headers: body === undefined ? {} : bodyHeaders(body),
      ...(isRedirected ? { lookup: guardedLookup } : {}),
    })
    const state = { isWaitingForSource: false }
    request.setTimeout(silenceMs)
    request.on('timeout', () => {
      if (!state.isWaitingForSource) request.destroy(silence(silenceMs))
    })
    request.on('error', reject)
    request.once('socket', socket => {
      if (!socket.connecting) return
      const timer = setTimeout(() => {
        const error = new Error(`no connection within ${connectMs / 1000} seconds`)
        request.destroy(Object.assign(error, { code: 'ERR_CONNECT_TIMEOUT' }))
      }, connectMs)
      socket.once(isTls ? 'secureConnect' : 'connect', () => clearTimeout(timer))
      socket.once('close', () => clearTimeout(timer))
    })
    request.once('response', resolve)
    if (body === undefined) request.end()
    else {
      pour(request, body, state).catch((failure: unknown) => {
        reject(failure)
        request.destroy()
      })
    }
  })
}

function bodyHeaders({ lengthBytes }: Body): Readonly<Record<string, string | number>> {
  return { 'content-type': 'application/octet-stream', 'content-length': lengthBytes }
}

function silence(silenceMs: number): Error {
  const error = new Error(`nothing was heard for ${silenceMs / 1000} seconds`)
  return Object.assign(error, { code: 'ETIMEDOUT' })
}

/** Sends a body as fast as it is taken; stops when an answer or a failure came before its end. */
async function pour(
  request: ClientRequest,
  { parts }: Body,
  state: { isWaitingForSource: boolean },
): Promise<void> {
  let isOver = false
  const over = new Promise<void>(resolve => {
    const end = (): void => {
      isOver = true
      resolve()
    }
    request.once('close', end)
    request.once('response', end)
  })
  state.isWaitingForSource = true
  for await (const part of parts) {
    state.isWaitingForSource = false
    if (isOver) return
    if (!request.write(part)) {
      await Promise.race([new Promise(resolve => request.once('drain', resolve)), over])
    }
    state.isWaitingForSource = true
  }
  state.isWaitingForSource = false
  if (!isOver) request.end()
}

/** The body of an answer that is no data. @throws OddAnswer when it is longer than that */
export async function readBounded(answer: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let sizeBytes = 0
  for await (const part of answer) {
    sizeBytes += (part as Buffer).length
    if (sizeBytes > limitBytes) throw new OddAnswer(`the answer is longer than ${limitBytes} bytes`)
    parts.push(part as Buffer)
  }
  if (!answer.complete) throw lostAnswer('only part of the answer came')
  return Buffer.concat(parts)
}
