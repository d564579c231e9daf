import type { Duplex } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { isRecord } from '../../../base/json.ts'
import { abortError, onAbort } from '../../../connection/abort.ts'
import type { Host } from '../../../connection/contract.ts'
import { createSearch } from './search.ts'

/** What a look at a port gave. */
export type PortLook =
  | { readonly kind: 'open'; readonly matched: boolean }
  /** Nothing accepts connections there: it said no, or did not answer in time. */
  | { readonly kind: 'closed'; readonly why: string }
  /** It cannot be told: the name is not known. */
  | { readonly kind: 'unknown'; readonly why: string }

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED of RFC 4254, 5.1. */
const prohibited = 1
/** What resolvers say, here and on hosts. */
const unknownName = /ENOTFOUND|EAI_|not known|name resolution|no address|nodename/i

/** Why a connection was not made. @throws what waiting cannot mend: a lost host, forwarding that is forbidden */
function judge(thrown: unknown): PortLook {
  const error = asBkpError(thrown)
  if (error.code !== 'command.failed') throw error
  const { cause } = error
  const reason = cause instanceof Error && 'reason' in cause ? cause.reason : undefined
  if (reason === prohibited) {
    throw new BkpError('step.failed', error.message, {
      cause,
      hint: 'its sshd forbids it: set AllowTcpForwarding yes and permit the address in PermitOpen',
    })
  }
  const code = isRecord(cause) || cause instanceof Error ? String(Reflect.get(cause, 'code')) : ''
  const kind = unknownName.test(`${code} ${error.message}`) ? 'unknown' : 'closed'
  return { kind, why: error.message }
}

/** Reads until the pattern matches, the peer ends it, or the signal aborts. */
async function readMatch(socket: Duplex, pattern: string, signal: AbortSignal): Promise<boolean> {
  const search = createSearch(pattern)
  if (signal.aborted) return false
  return await new Promise(resolve => {
    const forget = onAbort(signal, () => resolve(false))
    const end = (matched: boolean) => {
      forget()
      resolve(matched)
    }
    socket.on('data', (bytes: Uint8Array) => {
      if (search.feed(bytes)) end(true)
    })
    socket.once('end', () => end(false))
    socket.once('close', () => end(false))
  })
}

/**
 * Connects to a port from the host, waiting no longer than that; with a pattern, reads what comes.
 * @throws step.cancelled, ssh.lost, and step.failed where the host's sshd forbids it
 */
export async function lookAtPort(
  host: Pick<Host, 'dial'>,
  target: { readonly host: string; readonly port: number; readonly pattern: string | undefined },
  limitMs: number,
  io: Io,
  clock: Clock,
): Promise<PortLook> {
  const over = new AbortController()
  const late = new AbortController()
  const signal = AbortSignal.any([io.signal, late.signal])
  clock.sleep(limitMs, over.signal).then(
    () => late.abort(),
    () => {},
  )
  try {
    const socket = await host.dial(target, { ...io, signal })
    // A peer may break off at any time: that it answered is what counts.
    socket.on('error', () => {})
    try {
      const { pattern } = target
      const matched = pattern === undefined || (await readMatch(socket, pattern, signal))
      if (io.signal.aborted) throw abortError(io.signal)
      return { kind: 'open', matched }
    } finally {
      socket.destroy()
    }
  } catch (thrown) {
    if (io.signal.aborted) throw abortError(io.signal)
    if (late.signal.aborted) return { kind: 'closed', why: 'no answer in time' }
    return judge(thrown)
  } finally {
    over.abort()
  }
}
