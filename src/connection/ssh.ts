import type { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import { orAbort } from './abort.ts'
import type { Channel, ChannelEnd, Transport } from './channel.ts'
import type { HostAddress } from './contract.ts'
import { type ConnectorOptions, createConnector } from './ssh/connect.ts'
import { tunnelOf } from './ssh/tunnel.ts'

function channelOf(stream: ClientChannel, closed: Promise<void>): Channel {
  const ended = new Promise<ChannelEnd>(resolve => {
    stream.once('exit', (code: number | null, signal?: string) =>
      resolve({
        code: code ?? undefined,
        ...(signal === undefined
          ? {}
          : { signal: signal.startsWith('SIG') ? signal : `SIG${signal}` }),
        lost: false,
      }),
    )
    // A channel that closes without a status: the connection broke, or its sshd died.
    stream.once('close', () => resolve({ code: undefined, lost: true }))
    // An idle channel that nobody reads does not tell by itself.
    void closed.then(() => resolve({ code: undefined, lost: true }))
  })
  // What was still to be written when the channel closed; its end tells.
  stream.on('error', () => {})
  stream.stderr.on('error', () => {})
  return {
    stdin: stream,
    stdout: stream,
    stderr: stream.stderr,
    ended,
    close: () => {
      // What nobody reads would keep the channel's close from being seen.
      stream.resume()
      stream.stderr.resume()
      stream.close()
    },
  }
}

/** Hosts over SSH; those behind the same jump hosts share the connections to them. */
export interface SshTransports {
  /**
   * A host over one SSH connection. Every channel runs `exec /bin/sh`, since a login shell may be csh or
   * fish.
   * @throws ssh.unreachable, ssh.host_key_unknown, ssh.host_key_changed, ssh.auth_failed, ssh.config_invalid
   */
  open(address: HostAddress): Promise<Transport>
}

export function createSshTransports(options: ConnectorOptions): SshTransports {
  const connector = createConnector(options)
  return Object.freeze({
    open: async address => {
      const { client, release } = await connector.connect(address)
      return transportOf(address, client, release, options.clock)
    },
  } satisfies SshTransports)
}

function transportOf(
  address: HostAddress,
  client: Client,
  release: () => void,
  clock: Clock,
): Transport {
  let isOpen = true
  let cause: unknown
  client.on('error', error => {
    cause = error
  })
  const closed = new Promise<void>(resolve => {
    client.once('close', () => {
      isOpen = false
      release()
      resolve()
    })
  })
  const lost = () =>
    new BkpError('ssh.lost', `the connection to ${address.name} broke`, {
      cause,
      details: { host: address.name },
      hint: 'see whether the host is up; then bkp resume goes on where it stopped',
    })
  /** ssh2 throws where its socket is gone and it has not said so yet. */
  const asking = (ask: () => void, reject: (error: unknown) => void): void => {
    try {
      ask()
    } catch (thrown) {
      cause ??= thrown
      isOpen = false
      client.destroy()
      reject(lost())
    }
  }
  const open = (): Promise<Channel> =>
    new Promise((resolve, reject) => {
      if (!isOpen) {
        reject(lost())
        return
      }
      const onClose = () => reject(lost())
      client.once('close', onClose)
      asking(() => {
        client.exec('exec /bin/sh', (error, stream) => {
          client.off('close', onClose)
          if (error === undefined) resolve(channelOf(stream, closed))
          else if (!isOpen) reject(lost())
          else {
            const message = `${address.name} opens no channel: ${error.message}`
            const hint = 'see MaxSessions in its sshd_config: bkp needs up to 10 at once'
            reject(new BkpError('ssh.lost', message, { cause: error, hint }))
          }
        })
      }, reject)
    })
  const dial: Transport['dial'] = ({ host, port }) =>
    new Promise<Duplex>((resolve, reject) => {
      if (!isOpen) {
        reject(lost())
        return
      }
      const onClose = () => reject(lost())
      client.once('close', onClose)
      asking(() => {
        client.forwardOut('127.0.0.1', 0, host, port, (error, stream) => {
          client.off('close', onClose)
          if (error === undefined) resolve(tunnelOf(stream, client, lost))
          else reject(isOpen ? undialled(address.name, host, port, error) : lost())
        })
      }, reject)
    })
  return Object.freeze({
    name: 'ssh',
    open: io => orAbort(open(), io.signal),
    dial,
    lost,
    isAlive: () => isOpen,
    close: async () => {
      client.end()
      // A peer that never answers the end is not waited for.
      const done = new AbortController()
      await Promise.race([closed, clock.sleep(2000, done.signal).catch(() => {})])
      done.abort()
      client.destroy()
    },
  } satisfies Transport)
}

/** Why a connection from a host to somewhere else did not come about (RFC 4254 §5.1 for the reasons). */
function undialled(name: string, host: string, port: number, error: Error): BkpError {
  const { reason } = error as { readonly reason?: unknown }
  const text = error.message.replace(/^\(SSH\) Channel open failure: /, '')
  const message = `no connection from ${name} to ${host}:${port}: ${text}`
  const hint =
    reason === 1
      ? 'its sshd does not forward: see AllowTcpForwarding and PermitOpen in its sshd_config'
      : `see whether something listens there, on the host: ss -ltn 'sport = :${port}'`
  return new BkpError('command.failed', message, { cause: error, hint })
}
