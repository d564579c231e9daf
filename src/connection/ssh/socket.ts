import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { reasonOf, unreachable } from './errors.ts'
import type { SshTarget } from './target.ts'

/** A TCP connection to a host. @throws ssh.unreachable, also when the signal aborts */
export function openSocket(target: SshTarget, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = (() => {
      try {
        return connect({
          host: target.hostname,
          port: target.port,
          noDelay: true,
          family: target.family,
          ...(target.localAddress === undefined ? {} : { localAddress: target.localAddress }),
        })
      } catch (thrown) {
        reject(unreachable(target, reasonOf(thrown), thrown))
        return undefined
      }
    })()
    if (socket === undefined) return
    const onError = (cause: Error) => reject(unreachable(target, reasonOf(cause), cause))
    const onAbort = () => {
      socket.destroy()
      reject(unreachable(target, 'no connection in time'))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('error', onError)
    socket.once('connect', () => {
      socket.off('error', onError)
      signal.removeEventListener('abort', onAbort)
      resolve(socket)
    })
  })
}
