import { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import type { BkpError } from '../../base/errors.ts'

/**
 * A forwarded connection as a socket: each side ends for itself, destroying it closes it at once, and
 * one that breaks ends with an error, where ssh2 alone would show the end of the data.
 */
export function tunnelOf(channel: ClientChannel, client: Client, lost: () => BkpError): Duplex {
  let isEnded = false
  const tunnel = new Duplex({
    allowHalfOpen: true,
    read: () => {
      channel.resume()
    },
    write: (chunk: Buffer, _encoding, done) => {
      // A channel that is closed takes the data and never says so.
      if (channel.writable) channel.write(chunk, error => done(error))
      else done(Object.assign(new Error('the other side has closed'), { code: 'EPIPE' }))
    },
    final: done => {
      channel.end()
      done()
    },
    destroy: (error, done) => {
      client.off('close', onLost)
      channel.resume()
      channel.close()
      done(error)
    },
  })
  const onLost = () => {
    if (!isEnded || !tunnel.writableFinished) tunnel.destroy(lost())
  }
  channel.on('data', (data: Buffer) => {
    if (!tunnel.push(data)) channel.pause()
  })
  channel.once('end', () => {
    // The end that ssh2 makes up for a connection that broke is none: `close` of the client tells.
    setImmediate(() => {
      if (tunnel.destroyed) return
      isEnded = true
      tunnel.push(null)
    })
  })
  channel.on('error', (cause: Error) => tunnel.destroy(cause))
  channel.once('close', () =>
    setImmediate(() => {
      if (!tunnel.writableEnded) tunnel.end()
    }),
  )
  client.once('close', onLost)
  return tunnel
}
