import { BkpError, type BkpErrorOptions, type ErrorCode } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { LoginRecord } from './login.ts'
import type { SshTarget } from './target.ts'

/** Text from names and other machines as it may be shown. */
export function shown(text: string): string {
  return escapeControls(text, { newlines: false })
}

/** A word of a command line in a hint; names from an inventory may hold anything. */
export function hintWord(word: string): string {
  const visible = shown(word)
  return /^[A-Za-z0-9_.:/~@%[\]-]+$/.test(visible)
    ? visible
    : `'${visible.replaceAll("'", `'\\''`)}'`
}

/** The way to a host before its own address, as ssh takes it: ` -J bastion`, or nothing. */
export function jumpWords(target: SshTarget): string {
  if (target.jumps.length === 0) return ''
  const hops = target.jumps.map(({ user, host, port }) => {
    const name = host.includes(':') ? `[${host}]` : host
    return `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`
  })
  return ` -J ${hintWord(hops.join(','))}`
}

/** The error for a host that no connection comes about to. */
export function unreachable(target: SshTarget, why: string, cause?: unknown): BkpError {
  const where = shown(`${target.hostname}:${target.port}`)
  return new BkpError(
    'ssh.unreachable',
    `${target.name} (${where}) is unreachable: ${shown(why)}`,
    {
      cause,
      details: { host: target.name },
      hint: `try: ssh${jumpWords(target)} -p ${target.port} ${hintWord(target.hostname)}`,
    },
  )
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens on that port',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to its network',
  EADDRNOTAVAIL: 'this machine has no such address to go out from',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
}

/** Why a connection did not come about, in words. */
export function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  const known = code === undefined ? undefined : reasons[code]
  if (known !== undefined) return known
  const [, algorithms] = /no matching (.+?)(?: algorithm)?$/i.exec(message) ?? []
  return algorithms === undefined ? message : `it has no ${algorithms} that bkp has, too`
}

/** Options with which an old host may be reached, by what ssh2 says is missing. */
const oldAlgorithms: readonly (readonly [RegExp, string])[] = [
  [/key exchange/i, '-o KexAlgorithms=+diffie-hellman-group14-sha1,diffie-hellman-group1-sha1'],
  [/host key/i, '-o HostKeyAlgorithms=+ssh-dss'],
  [/cipher/i, '-o Ciphers=+aes256-cbc,aes128-cbc,3des-cbc'],
  [/MAC/, '-o MACs=+hmac-md5,hmac-sha1-96'],
]

/** The error that ends a handshake, with what helps an old host. */
export function handshakeFailed(target: SshTarget, cause: Error): BkpError {
  const error = unreachable(target, reasonOf(cause), cause)
  const options = /no matching/i.test(cause.message)
    ? oldAlgorithms.find(([what]) => what.test(cause.message))?.[1]
    : undefined
  if (options === undefined) return error
  return new BkpError(error.code, error.message, {
    cause,
    details: error.details,
    hint: `an old host may need, in ansible_ssh_common_args: ${options}`,
  })
}

/** What a host's refusal is told with. */
export interface Refusal {
  readonly record: LoginRecord
  readonly notes: readonly string[]
  /** What the host said when it broke off, if it said anything. */
  readonly said?: string
}

/** The error for a host that lets nobody in. */
export function loginFailed(target: SshTarget, refusal: Refusal, cause?: unknown): BkpError {
  const { record, notes, said } = refusal
  const tried = record.tried.map(({ kind, label }) => `${kind} with ${label}`)
  const parts = [
    `tried: ${tried.join(', ') || 'nothing'}`,
    ...(record.accepted.length === 0 ? [] : [`it takes: ${record.accepted.join(', ')}`]),
    ...notes,
    ...(said === undefined ? [] : [`it says: ${said}`]),
  ].map(shown)
  const message = `${target.name} refuses to log in ${shown(target.user)} (${parts.join('; ')})`
  return new BkpError('ssh.auth_failed', message, {
    cause,
    details: { host: target.name },
    hint: loginHint(target, refusal),
  })
}

function loginHint(target: SshTarget, { record, notes, said }: Refusal): string {
  if (said !== undefined && /too many/i.test(said)) {
    return 'the agent holds many keys: name the one in ansible_ssh_private_key_file, with -o IdentitiesOnly=yes in ansible_ssh_common_args'
  }
  if (notes.some(note => /^the passphrase given/.test(note))) {
    return 'see ansible_ssh_private_key_passphrase'
  }
  if (notes.some(note => /passphrase/.test(note))) {
    return 'run ssh-add with that key, or set ansible_ssh_private_key_passphrase'
  }
  const takesPassword = record.accepted.some(kind => kind !== 'publickey')
  if (takesPassword && target.password === undefined && record.tried.length === 0) {
    return 'set ansible_password, or name a key in ansible_ssh_private_key_file'
  }
  return 'see ansible_user and ansible_ssh_private_key_file'
}

/** The same error said of a host that lies behind another. */
export function behind(target: SshTarget, jump: SshTarget, error: BkpError): BkpError {
  const options: BkpErrorOptions = {
    cause: error,
    details: { ...error.details, host: target.name, jump: jump.name },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  }
  const code: ErrorCode = error.code
  const message = `${target.name} is reached through ${shown(jump.name)}: ${error.message}`
  return new BkpError(code, message, options)
}
