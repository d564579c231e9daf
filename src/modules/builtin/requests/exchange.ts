import { type IncomingMessage, request as startRequest } from 'node:http'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as startTls } from 'node:tls'
import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { orAbort } from '../../../connection/abort.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Prepared } from './prepare.ts'

/** What a connection is checked against. */
export interface Trust {
  readonly validate: boolean
  /** Certificates in PEM; without them those that come with Node. */
  readonly authorities: Uint8Array | undefined
}

/** A response whose body is still to be read. */
export interface Exchange {
  readonly response: IncomingMessage
  /** The body as it comes; silence for longer than the timeout ends it. @throws step.failed, step.cancelled */
  body(): AsyncGenerator<Uint8Array, void>
  /** Lets go of the connection. */
  close(): void
}

/** Aborts when nothing has happened for so long. */
function watchIdle(limitMs: number, clock: Clock) {
  const late = new AbortController()
  const over = new AbortController()
  let lastMs = clock.monotonicMs()
  const watch = async () => {
    for (;;) {
      const leftMs = lastMs + limitMs - clock.monotonicMs()
      if (leftMs <= 0) break
      await clock.sleep(leftMs, over.signal)
    }
    late.abort(
      new BkpError('step.failed', `nothing came for ${limitMs / 1000} s`, {
        hint: 'timeout says how long uri waits for the next piece of a response',
      }),
    )
  }
  watch().catch(() => {})
  return {
    signal: late.signal,
    touch: () => {
      lastMs = clock.monotonicMs()
    },
    end: () => over.abort(),
  }
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}

function addressOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function secure(socket: Duplex, url: URL, trust: Trust): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const name = addressOf(url)
    const secured = startTls({
      // Any stream will do, whatever the type says.
      socket: socket as Socket,
      rejectUnauthorized: trust.validate,
      ALPNProtocols: ['http/1.1'],
      // An address may not stand in SNI (RFC 6066), but is what the certificate is checked for.
      ...(isIP(name) === 0 ? { servername: name } : { host: name }),
      ...(trust.authorities === undefined ? {} : { ca: Buffer.from(trust.authorities) }),
    })
    secured.once('error', reject)
    secured.once('secureConnect', () => {
      // As with the socket below: an error that comes later concerns nobody.
      secured.on('error', () => {})
      secured.off('error', reject)
      resolve(secured)
    })
  })
}

function send(prepared: Prepared, socket: Duplex): Promise<IncomingMessage> {
  const { url, method, headers, body } = prepared
  return new Promise((resolve, reject) => {
    const request = startRequest({
      method,
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        ...headers,
        connection: 'close',
        ...(body === undefined ? {} : { 'content-length': body.bytes.length }),
      },
      createConnection: () => socket,
    })
    request.once('error', reject)
    request.once('response', resolve)
    request.end(body?.bytes)
  })
}

/**
 * Sends a request through a connection that the host makes, and waits for the head of the response.
 * @throws command.failed or a network error where there is no connection, step.cancelled, ssh.*
 */
export async function exchange(
  host: Pick<Host, 'dial'>,
  prepared: Prepared,
  options: { readonly trust: Trust; readonly timeoutMs: number; readonly clock: Clock },
  io: Io,
): Promise<Exchange> {
  const idle = watchIdle(options.timeoutMs, options.clock)
  const signal = AbortSignal.any([io.signal, idle.signal])
  const { url } = prepared
  let socket: Duplex | undefined
  const close = () => {
    idle.end()
    socket?.destroy()
  }
  try {
    const dialled = await host.dial({ host: addressOf(url), port: portOf(url) }, { ...io, signal })
    socket = dialled
    // Whoever reads or writes is told; an error that comes later concerns nobody.
    dialled.on('error', () => {})
    idle.touch()
    const ready =
      url.protocol === 'https:'
        ? await orAbort(secure(dialled, url, options.trust), signal)
        : dialled
    idle.touch()
    const response = await orAbort(send(prepared, ready), signal)
    idle.touch()
    return {
      response,
      close,
      body: async function* () {
        const pieces = response[Symbol.asyncIterator]()
        for (;;) {
          const next: IteratorResult<Buffer> = await orAbort(pieces.next(), signal)
          if (next.done === true) return
          idle.touch()
          yield next.value
        }
      },
    }
  } catch (thrown) {
    close()
    throw thrown
  }
}
