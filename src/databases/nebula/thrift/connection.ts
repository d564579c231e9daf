import type { Duplex } from 'node:stream'
import { BkpError } from '../../../base/errors.ts'
import { abortError, onAbort } from '../../../connection/abort.ts'
import { defaultFrameLimit, frame, frameReader } from './frames.ts'
import { decodeOutcome, encodeMessage, type Outcome, type ThriftMethod } from './messages.ts'

/** A connection to one service. One call at a time; after an error it is of no more use. */
export interface ThriftConnection {
  /** False once anything went wrong, or the peer has closed it. */
  usable(): boolean
  /**
   * Sends the call and waits for its answer, until the signal aborts. Whatever it throws, the call may
   * have been done.
   * @throws nebula.unreachable when the peer closes, nebula.protocol, the signal's own reason
   */
  call<Arguments, Result>(
    method: ThriftMethod<Arguments, Result>,
    args: Arguments,
    signal: AbortSignal,
  ): Promise<Outcome<Result>>
  close(): void
}

/** Bytes that may come before anything was asked: a greeting, by which a wrong port is recognized. */
const greetingLimit = 64 * 1024

interface Waiting {
  resolve(message: Buffer): void
  reject(error: BkpError): void
}

/** `peer` is the service as messages name it: `metad 192.168.8.1:9559`. */
export function thriftConnection(
  stream: Duplex,
  { peer, frameLimit = defaultFrameLimit }: { readonly peer: string; readonly frameLimit?: number },
): ThriftConnection {
  const frames = frameReader(frameLimit)
  let failure: BkpError | undefined
  let waiting: Waiting | undefined
  let answered = 0
  let early = 0
  let sequence = 0

  function fail(error: BkpError): void {
    failure ??= error
    stream.destroy()
    const { reject } = waiting ?? {}
    waiting = undefined
    reject?.(failure)
  }

  function broken(cause?: Error): BkpError {
    const why = cause === undefined ? '' : `: ${cause.message}`
    return answered > 0
      ? new BkpError('nebula.unreachable', `${peer} closed the connection${why}`, {
          cause,
          hint: 'see its log: did it end or restart?',
        })
      : new BkpError(
          'nebula.unreachable',
          `${peer} closed the connection without an answer${why}`,
          {
            cause,
            hint:
              'did it end just now? Is this its Thrift port (of metad 9559 by default)? With --enable_ssl ' +
              'or --enable_meta_ssl it takes TLS only, which bkp does not speak',
          },
        )
  }

  stream.on('data', (chunk: Uint8Array) => {
    try {
      for (const message of frames.push(chunk)) {
        const { resolve } = waiting ?? {}
        waiting = undefined
        if (resolve === undefined) throw new BkpError('nebula.protocol', 'it answers unasked')
        answered += 1
        resolve(message)
      }
    } catch (error) {
      fail(ofPeer(peer, error))
      return
    }
    if (waiting === undefined) early += chunk.length
    if (early > greetingLimit) fail(new BkpError('nebula.protocol', `${peer} speaks unasked`))
  })
  stream.on('error', error => fail(broken(error)))
  stream.on('end', () => fail(broken()))
  stream.on('close', () => fail(broken()))

  return Object.freeze({
    usable: () => failure === undefined && waiting === undefined,
    call: async (method, args, signal) => {
      if (failure !== undefined) throw failure
      if (waiting !== undefined) throw new BkpError('internal', `${peer} is busy with another call`)
      if (signal.aborted) throw abortError(signal)
      sequence += 1
      const ours = sequence
      const reply = new Promise<Buffer>((resolve, reject) => {
        waiting = { resolve, reject }
      })
      reply.catch(() => {})
      const forget = onAbort(signal, () => fail(abortError(signal)))
      try {
        const header = { type: 'call', name: method.name, sequence: ours } as const
        stream.write(frame(encodeMessage(header, method.args, args)))
        return decodeOutcome(await reply, method, ours)
      } catch (error) {
        const told = ofPeer(peer, error)
        fail(told)
        throw told
      } finally {
        forget()
      }
    },
    close: () => fail(new BkpError('step.cancelled', `the connection to ${peer} was closed`)),
  } satisfies ThriftConnection)
}

/** Says of whom a fault is. */
function ofPeer(peer: string, error: unknown): BkpError {
  if (!(error instanceof BkpError)) {
    return new BkpError('internal', `a call of ${peer} failed`, { cause: error })
  }
  if (error.code !== 'nebula.protocol' || error.message.startsWith(peer)) return error
  return new BkpError('nebula.protocol', `${peer}: ${error.message}`, {
    cause: error.cause,
    details: error.details,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}
