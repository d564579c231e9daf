import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import Ssh2Client from 'ssh2/lib/client.js'
import { BkpError } from '../../base/errors.ts'
import { handshakeFailed, loginFailed, reasonOf, unreachable } from './errors.ts'
import { decideHostKey, rememberHostKey } from './host-key.ts'
import { hostKeyAlgorithms, type KnownHost } from './known-hosts.ts'
import { type Credentials, createLoginCourse } from './login.ts'
import type { SshTarget } from './target.ts'

/** What a handshake is made with. */
export interface Handshake {
  readonly target: SshTarget
  readonly socket: Duplex
  /** What `known_hosts` say. */
  readonly knownHosts: readonly KnownHost[]
  readonly credentials: Credentials
  /** Aborts when the time is up. */
  readonly signal: AbortSignal
  /** Between two questions whether the host is there, in milliseconds. */
  readonly keepaliveMs: number
}

/** ssh2 is told to ask without end: who counts is watchSilence. */
const endless = Number.MAX_SAFE_INTEGER

/**
 * Agrees on keys, checks the host's and logs in; nothing that could be stolen is sent before the check.
 * Called at once with a socket, nothing awaited between: a host that hangs up then would not be heard, and
 * the error of one that resets would be nobody's.
 * @throws ssh.unreachable, ssh.host_key_unknown, ssh.host_key_changed, ssh.auth_failed
 */
export async function shakeHands(handshake: Handshake): Promise<Client> {
  const { target, socket, knownHosts, credentials, signal } = handshake
  const course = createLoginCourse(target, credentials)
  const notes = [...credentials.notes]
  const client = new Ssh2Client()
  let refusal: BkpError | undefined
  let isAgreed = false
  const refused = (cause?: unknown, said?: string) =>
    loginFailed(
      target,
      { record: course.record(), notes, ...(said === undefined ? {} : { said }) },
      cause,
    )
  let accepted: Buffer | undefined
  const verify = async (key: Buffer): Promise<boolean> => {
    // After a gigabyte the two agree on keys anew: nothing is to be decided or remembered again.
    if (accepted?.equals(key) === true) return true
    const decision = decideHostKey(target, knownHosts, key)
    refusal = decision.refusal
    if (refusal !== undefined) return false
    if (decision.isSuspect === true) course.withholdPassword()
    const [file] = target.knownHostsFiles
    if (decision.remember !== undefined && file !== undefined) {
      await rememberHostKey(file, decision.remember)
    }
    accepted = Buffer.from(key)
    return true
  }
  return await new Promise<Client>((resolve, reject) => {
    const fail = (error: BkpError) => {
      signal.removeEventListener('abort', onAbort)
      client.destroy()
      reject(refusal ?? error)
    }
    const onAbort = () => {
      const seconds = target.connectTimeoutMs / 1000
      fail(unreachable(target, `no SSH handshake within ${seconds} s`))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    client.once('ready', () => {
      signal.removeEventListener('abort', onAbort)
      client.off('close', onClose)
      // Nagle's algorithm and delayed acknowledgements make 40 ms of every round trip.
      client.setNoDelay(true)
      resolve(client)
    })
    client.once('handshake', () => {
      isAgreed = true
    })
    const onClose = () =>
      fail(
        isAgreed && course.record().tried.length > 0
          ? refused(undefined, 'nothing; it closed the connection')
          : unreachable(target, 'it closed the connection'),
      )
    client.once('close', onClose)
    client.on('error', cause => {
      // The agent, or a key, did not sign: ssh2 goes on with the next way.
      if (cause.level === 'agent' || /^Error (while )?signing/.test(cause.message)) {
        notes.push(cause.message)
      } else if (cause.level === 'client-authentication') fail(refused(cause))
      else if (isAgreed && cause.level === undefined) fail(refused(cause, reasonOf(cause)))
      else fail(handshakeFailed(target, cause))
    })
    client.on('change password', () => fail(refused(undefined, 'the password has expired')))
    try {
      client.connect({
        sock: socket as never,
        username: target.user,
        authHandler: course.handler,
        algorithms: {
          ...target.algorithms.lists,
          serverHostKey: [
            ...(target.algorithms.hostKeys ?? hostKeyAlgorithms(knownHosts, target.keyName)),
          ],
        },
        hostVerifier: (key: Buffer, answer: (isValid: boolean) => void) => {
          verify(key).then(answer, cause => {
            const message = `the host key of ${target.name} cannot be remembered`
            refusal = new BkpError('ssh.host_key_unknown', message, { cause })
            answer(false)
          })
        },
        // Our own limit covers connecting, too.
        readyTimeout: 0,
        keepaliveInterval: handshake.keepaliveMs,
        keepaliveCountMax: endless,
      })
    } catch (thrown) {
      fail(handshakeFailed(target, thrown instanceof Error ? thrown : new Error(String(thrown))))
    }
  })
}
