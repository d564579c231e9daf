import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import type { Clock } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Secret } from '../../base/secret.ts'
import type { HostAddress } from '../contract.ts'
import { configFault } from './config/fault.ts'
import { createSectionReader } from './config/options-of.ts'
import { behind, reasonOf, shown, unreachable } from './errors.ts'
import { shakeHands } from './handshake.ts'
import { readKnownHosts } from './host-key.ts'
import { createIdentityLoader } from './identities.ts'
import { defaultKeepalive, type Keepalive, watchSilence } from './keepalive.ts'
import { credentialsOf } from './login.ts'
import { openProxyCommand } from './proxy-command.ts'
import { openSocket } from './socket.ts'
import type { Surroundings } from './surroundings.ts'
import { jumpTargetOf, type SshTarget, targetOf } from './target.ts'

/** What connections depend on besides the inventory. */
export interface ConnectorOptions {
  readonly surroundings: Surroundings
  readonly clock: Clock
  /** When a connection counts as dead; 30 s of silence unless given. */
  readonly keepalive?: Keepalive
}

/** An SSH connection, and what lets go of the jump hosts before it. */
export interface Connection {
  readonly client: Client
  /** Gives back what it shares with others. */
  release(): void
}

/** Makes the connections of a run; those that go through the same jump hosts share them. */
export interface Connector {
  /**
   * Connects and logs in.
   * @throws ssh.unreachable, ssh.host_key_unknown, ssh.host_key_changed, ssh.auth_failed, ssh.config_invalid
   */
  connect(address: HostAddress): Promise<Connection>
}

/** A connection to a jump host that several hosts lie behind. */
interface SharedJump {
  readonly target: SshTarget
  readonly opening: Promise<Connection>
  users: number
  isOver: boolean
  /** When connecting failed, by the clock's monotonic time. */
  failedAtMs?: number
}

/** Waits a second before it tries again, as ssh does. */
const pauseMs = 1000

/** A jump host that failed is not tried for each of the hundreds of hosts behind it. */
const failedForMs = 30_000

export function createConnector(options: ConnectorOptions): Connector {
  const { surroundings, clock } = options
  const keepalive = options.keepalive ?? defaultKeepalive
  const sources = { surroundings, read: createSectionReader() }
  const load = createIdentityLoader()
  const jumps = new Map<string, SharedJump>()

  /** The last jump host before a target, with those before it; undefined for a direct way. */
  const jumpBefore = async (
    target: SshTarget,
    address: HostAddress,
    path: readonly SshTarget[],
  ): Promise<{ readonly jump: SharedJump; release(): void } | undefined> => {
    const last = target.jumps.at(-1)
    if (last === undefined) return undefined
    const own = await jumpTargetOf(last, address, sources)
    const before = target.jumps.slice(0, -1)
    // What was named before it says how to get there; else its own options do.
    const through: SshTarget = before.length > 0 ? { ...own, jumps: before } : own
    refuseLoop(through, [...path, target])
    const key = keyOf(through)
    const known = jumps.get(key)
    const jump = known !== undefined && isUsable(known) ? known : open(through)
    jumps.set(key, jump)
    jump.users += 1
    const release = () => {
      jump.users -= 1
      if (jump.users > 0 || jump.failedAtMs !== undefined) return
      if (jumps.get(key) === jump) jumps.delete(key)
      jump.opening.then(
        connection => {
          connection.client.end()
          connection.release()
        },
        () => {},
      )
    }
    return { jump, release }

    function open(jumpTarget: SshTarget): SharedJump {
      const shared: SharedJump = {
        target: jumpTarget,
        opening: connectTo(jumpTarget, address, [...path, target]),
        users: 0,
        isOver: false,
      }
      shared.opening.then(
        ({ client }) => client.once('close', () => (shared.isOver = true)),
        () => {
          shared.failedAtMs = clock.monotonicMs()
        },
      )
      return shared
    }
  }

  const isUsable = ({ isOver, failedAtMs }: SharedJump): boolean =>
    !isOver && (failedAtMs === undefined || clock.monotonicMs() - failedAtMs < failedForMs)

  const connectTo = async (
    target: SshTarget,
    address: HostAddress,
    path: readonly SshTarget[],
  ): Promise<Connection> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await connectOnce(target, address, path)
      } catch (thrown) {
        const isWorthwhile = thrown instanceof BkpError && thrown.code === 'ssh.unreachable'
        if (!isWorthwhile || attempt >= target.attempts) throw thrown
        await clock.sleep(pauseMs)
      }
    }
  }

  const connectOnce = async (
    target: SshTarget,
    address: HostAddress,
    path: readonly SshTarget[],
  ): Promise<Connection> => {
    const before = await jumpBefore(target, address, path)
    try {
      const carrier = await before?.jump.opening.catch((thrown: unknown) => {
        throw thrown instanceof BkpError && thrown.code !== 'ssh.config_invalid'
          ? behind(target, before.jump.target, thrown)
          : thrown
      })
      const client = await withinLimit(target, signal =>
        connectThrough(target, carrier?.client, before?.jump.target, signal),
      )
      return { client, release: () => before?.release() }
    } catch (thrown) {
      before?.release()
      throw thrown
    }
  }

  const withinLimit = async <T>(
    target: SshTarget,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const limit = new AbortController()
    const done = new AbortController()
    clock.sleep(target.connectTimeoutMs, done.signal).then(
      () => limit.abort(),
      () => {},
    )
    try {
      return await act(limit.signal)
    } finally {
      done.abort()
    }
  }

  const connectThrough = async (
    target: SshTarget,
    carrier: Client | undefined,
    jump: SshTarget | undefined,
    signal: AbortSignal,
  ): Promise<Client> => {
    const credentials = await orTimeUp(credentialsOf(target, load), target, signal)
    const knownHosts = await readKnownHosts(target.knownHostsFiles)
    const { stream, complaint } = await openStream(target, carrier, jump, signal)
    const keepaliveMs = keepalive.intervalMs
    try {
      const handshake = { target, socket: stream, knownHosts, credentials, signal, keepaliveMs }
      const client = await shakeHands(handshake)
      void watchSilence(client, stream, clock, keepalive)
      return client
    } catch (thrown) {
      stream.destroy()
      const said = await complaint?.()
      if (said === undefined || said === '' || !(thrown instanceof BkpError)) throw thrown
      throw unreachable(target, `its ProxyCommand says: ${said}`, thrown)
    }
  }

  const openStream = async (
    target: SshTarget,
    carrier: Client | undefined,
    jump: SshTarget | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly stream: Duplex; complaint?(): Promise<string> }> => {
    if (target.proxyCommand !== undefined) return openProxyCommand(target.proxyCommand, clock)
    if (carrier === undefined || jump === undefined) {
      return { stream: await openSocket(target, signal) }
    }
    return { stream: await forward(target, carrier, jump, signal) }
  }

  return Object.freeze({
    connect: async address => await connectTo(await targetOf(address, sources), address, []),
  } satisfies Connector)
}

/** Two targets that share a connection are the same in all that makes one, their keys included. */
function keyOf(target: SshTarget): string {
  const digest = (secret: Secret | undefined) =>
    secret === undefined ? '' : createHash('sha256').update(secret.reveal()).digest('hex')
  const keys = target.identities.map(({ file, text, passphrase }) => [
    file,
    digest(text),
    digest(passphrase),
  ])
  return JSON.stringify([target, keys])
}

/** `Host *` with a ProxyJump sends the jump host through itself. */
function refuseLoop(jump: SshTarget, path: readonly SshTarget[]): void {
  const isSame = (other: SshTarget) =>
    other.hostname === jump.hostname && other.port === jump.port && other.user === jump.user
  const known = path.find(isSame)
  if (known === undefined) return
  throw configFault(
    path[0]?.name ?? jump.name,
    `the way to ${known.name} leads through itself`,
    `write "ProxyJump none" under "Host ${shown(jump.hostname)}", before the line that sends it on`,
  )
}

/** A way from a jump host to what lies behind it. @throws ssh.unreachable */
function forward(
  target: SshTarget,
  carrier: Client,
  jump: SshTarget,
  signal: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(behind(target, jump, unreachable(target, why, cause)))
    const onAbort = () => fail('no connection in time')
    const onClose = () => fail(`the connection to ${jump.name} broke`)
    signal.addEventListener('abort', onAbort, { once: true })
    carrier.once('close', onClose)
    try {
      carrier.forwardOut('127.0.0.1', 0, target.hostname, target.port, (error, stream) => {
        signal.removeEventListener('abort', onAbort)
        carrier.off('close', onClose)
        if (error !== undefined && error !== null) fail(refusalOf(error, jump), error)
        else if (signal.aborted) stream.destroy()
        else resolve(stream)
      })
    } catch (thrown) {
      fail(reasonOf(thrown), thrown)
    }
  })
}

/** OpenSSH's words for a forwarding that it did not make (RFC 4254 §5.1 for the reasons). */
function refusalOf(error: Error, jump: SshTarget): string {
  const { reason } = error as { readonly reason?: unknown }
  const text = error.message.replace(/^\(SSH\) Channel open failure: /, '')
  const name = shown(jump.name)
  return reason === 1
    ? `${name} forwards no connections (${text}): see AllowTcpForwarding and PermitOpen in its sshd_config`
    : `from ${name}: ${text}`
}

/** An agent that accepts a connection and never answers must not hold a run. */
function orTimeUp<T>(promise: Promise<T>, target: SshTarget, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(unreachable(target, 'the ssh agent does not answer'))
    signal.addEventListener('abort', onAbort, { once: true })
    promise
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
      .catch(() => {})
  })
}
