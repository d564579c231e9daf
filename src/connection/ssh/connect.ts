import { connect as connectSocket, type Socket } from 'node:net'
import type { AnyAuthMethod, Client } from 'ssh2'
import ssh2 from 'ssh2'
import type { Clock } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { HostAddress } from '../contract.ts'
import { decideHostKey, readKnownHosts, rememberHostKey } from './host-key.ts'
import { hostKeyAlgorithms, knownHostName } from './known-hosts.ts'
import { expandHome, loginMethods, loginUser, type Surroundings } from './login.ts'

/** Keepalives find a dead host: every 10 s, given up after three without an answer. */
const keepalive = { keepaliveInterval: 10_000, keepaliveCountMax: 3 } as const

/** Where ssh looks when no file is named. */
const defaultKnownHosts = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2', '/etc/ssh/ssh_known_hosts']

function unreachable(address: HostAddress, why: string, cause?: unknown): BkpError {
  const where = escapeControls(`${address.hostname}:${address.port}`, { newlines: false })
  return new BkpError('ssh.unreachable', `${address.name} (${where}) is unreachable: ${why}`, {
    cause,
    details: { host: address.name },
    hint: `try: ssh -p ${address.port} ${escapeControls(address.hostname, { newlines: false })}`,
  })
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens on that port',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to its network',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it closed the connection',
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return (
    (code === undefined ? undefined : reasons[code]) ?? escapeControls(message, { newlines: false })
  )
}

function openSocket(address: HostAddress, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let socket: Socket
    try {
      socket = connectSocket({ host: address.hostname, port: address.port, noDelay: true })
    } catch (thrown) {
      reject(unreachable(address, reasonOf(thrown), thrown))
      return
    }
    const onError = (cause: Error) => reject(unreachable(address, reasonOf(cause), cause))
    const onAbort = () => {
      socket.destroy()
      reject(unreachable(address, 'no connection in time'))
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

interface Handshake {
  readonly address: HostAddress
  readonly surroundings: Surroundings
  readonly socket: Socket
  readonly methods: readonly AnyAuthMethod[]
  readonly signal: AbortSignal
}

async function shakeHands({
  address,
  surroundings,
  socket,
  methods,
  signal,
}: Handshake): Promise<Client> {
  const named = address.knownHostsFiles.length > 0 ? address.knownHostsFiles : defaultKnownHosts
  const files = named.map(file => expandHome(file, surroundings.home))
  const entries = await readKnownHosts(files)
  const name = knownHostName(address.hostname, address.port)
  const client = new ssh2.Client()
  let refusal: BkpError | undefined
  return await new Promise<Client>((resolve, reject) => {
    const fail = (error: BkpError) => {
      client.destroy()
      reject(refusal ?? error)
    }
    const onAbort = () =>
      fail(unreachable(address, `no SSH handshake within ${address.connectTimeoutMs / 1000} s`))
    signal.addEventListener('abort', onAbort, { once: true })
    client.once('ready', () => {
      signal.removeEventListener('abort', onAbort)
      // Nagle's algorithm and delayed acknowledgements make 40 ms of every round trip.
      client.setNoDelay(true)
      resolve(client)
    })
    client.on('error', cause => {
      if (cause.level === 'client-authentication') {
        const user = loginUser(address, surroundings)
        const tried = methods.map(method => method.type).join(', ') || 'nothing'
        fail(
          new BkpError(
            'ssh.auth_failed',
            `${address.name} refuses to log in ${escapeControls(user, { newlines: false })} (tried: ${tried})`,
            {
              cause,
              details: { host: address.name },
              hint: 'see ansible_user and ansible_ssh_private_key_file',
            },
          ),
        )
      } else fail(unreachable(address, reasonOf(cause), cause))
    })
    client.once('close', () => fail(unreachable(address, 'it closed the connection')))
    const verify = async (key: Buffer): Promise<boolean> => {
      const decision = decideHostKey(address, entries, files, key)
      refusal = decision.refusal
      if (refusal !== undefined) return false
      const [file] = files
      if (decision.remember !== undefined && file !== undefined) {
        await rememberHostKey(file, decision.remember)
      }
      return true
    }
    client.connect({
      sock: socket,
      username: loginUser(address, surroundings),
      authHandler: [...methods],
      algorithms: { serverHostKey: [...hostKeyAlgorithms(entries, name)] },
      hostVerifier: (key: Buffer, answer: (isValid: boolean) => void) => {
        verify(key).then(answer, cause => {
          refusal = new BkpError('ssh.host_key_unknown', 'the host key cannot be remembered', {
            cause,
          })
          answer(false)
        })
      },
      // Our own limit covers connecting, too.
      readyTimeout: 0,
      ...keepalive,
    })
  })
}

/**
 * Connects and logs in; the host key is checked before anything is sent that could be stolen.
 * @throws ssh.unreachable, ssh.host_key_unknown, ssh.host_key_changed, ssh.auth_failed
 */
export async function connectClient(
  address: HostAddress,
  surroundings: Surroundings,
  clock: Clock,
): Promise<Client> {
  const methods = await loginMethods(address, surroundings)
  const limit = new AbortController()
  const done = new AbortController()
  clock.sleep(address.connectTimeoutMs, done.signal).then(
    () => limit.abort(),
    () => {},
  )
  try {
    const socket = await openSocket(address, limit.signal)
    try {
      return await shakeHands({ address, surroundings, socket, methods, signal: limit.signal })
    } catch (thrown) {
      socket.destroy()
      throw thrown
    }
  } finally {
    done.abort()
  }
}
