import type { Algorithms, CipherAlgorithm, KexAlgorithm, MacAlgorithm } from 'ssh2'
import { configFault } from './config/fault.ts'
import type { OptionValue } from './config/options-of.ts'
import { matchesPatterns } from './config/patterns.ts'

/** Algorithms in the order they are offered, and those that are offered only when asked for. */
interface Choice<T extends string> {
  readonly offered: readonly T[]
  readonly onRequest: readonly T[]
}

const kex: Choice<KexAlgorithm> = {
  offered: [
    'curve25519-sha256@libssh.org',
    'curve25519-sha256',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group15-sha512',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group17-sha512',
    'diffie-hellman-group18-sha512',
  ],
  onRequest: [
    'diffie-hellman-group-exchange-sha1',
    'diffie-hellman-group14-sha1',
    'diffie-hellman-group1-sha1',
  ],
}

const ciphers: Choice<CipherAlgorithm> = {
  offered: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
    'chacha20-poly1305@openssh.com',
  ],
  onRequest: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'],
}

const macs: Choice<MacAlgorithm> = {
  offered: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha1-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512',
    'hmac-sha1',
  ],
  onRequest: ['hmac-md5', 'hmac-sha1-96', 'hmac-md5-96'],
}

/** Host key algorithms in our order (RFC 8332 for rsa), and the old one on request. */
export const hostKeys = {
  offered: [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-rsa',
  ],
  onRequest: ['ssh-dss'],
} as const

export type HostKeyAlgorithm =
  | (typeof hostKeys.offered)[number]
  | (typeof hostKeys.onRequest)[number]

/** What options ask of the handshake; what is left out is ours to choose. */
export interface AskedAlgorithms {
  readonly lists: Pick<Algorithms, 'kex' | 'cipher' | 'hmac'>
  readonly hostKeys: readonly HostKeyAlgorithm[] | undefined
}

/**
 * Reads KexAlgorithms, Ciphers, MACs and HostKeyAlgorithms; with `+` names are added, with `-` taken
 * away, with `^` put first.
 * @throws ssh.config_invalid when none of the names is known
 */
export function askedAlgorithms(
  value: (keyword: string) => OptionValue | undefined,
): AskedAlgorithms {
  const kexList = choose(kex, value('kexalgorithms'))
  const cipher = choose(ciphers, value('ciphers'))
  const hmac = choose(macs, value('macs'))
  return {
    lists: {
      ...(kexList === undefined ? {} : { kex: kexList }),
      ...(cipher === undefined ? {} : { cipher }),
      ...(hmac === undefined ? {} : { hmac }),
    },
    hostKeys: choose<HostKeyAlgorithm>(hostKeys, value('hostkeyalgorithms')),
  }
}

function choose<T extends string>(
  { offered, onRequest }: Choice<T>,
  value: OptionValue | undefined,
): T[] | undefined {
  if (value === undefined) return undefined
  const [, operator = '', list = ''] = /^([+^-]?)(.*)$/s.exec(value.text.trim()) ?? []
  const names = list.split(',').map(name => name.trim())
  const known = [...offered, ...onRequest]
  const isNamed = (algorithm: T) => matchesPatterns(names, algorithm)
  if (operator === '+') return [...offered, ...onRequest.filter(isNamed)]
  if (operator === '-') return offered.filter(algorithm => !isNamed(algorithm))
  const named = names.flatMap(name => known.filter(algorithm => matchesPatterns([name], algorithm)))
  if (operator === '^') return [...new Set([...named, ...offered])]
  if (named.length === 0) {
    throw configFault(value.place, `bkp has none of "${list}"`, `it has ${known.join(', ')}`)
  }
  return [...new Set(named)]
}
