import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type HostKeyAlgorithm, hostKeys } from './algorithms.ts'
import { matchesPatterns } from './config/patterns.ts'

/** One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  readonly marker: 'none' | 'revoked' | 'cert-authority'
  /** The names as they are in the file: patterns, or one hash. */
  readonly names: string
  /** `ssh-ed25519`, `ssh-rsa`, ... */
  readonly keyType: string
  readonly key: Buffer
  /** `file:line`, for messages. */
  readonly place: string
}

/** What known_hosts files say of a key that a host showed. */
export type HostKeyVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown'; readonly onlyAuthorities: boolean }
  | { readonly kind: 'changed'; readonly places: readonly string[] }
  | { readonly kind: 'revoked'; readonly place: string }

/** Lines of a known_hosts file; those that ssh would not read either are left out. */
export function parseKnownHosts(text: string, file: string): readonly KnownHost[] {
  return text.split('\n').flatMap((line, index) => {
    const words = line.trim().split(/[ \t]+/)
    if (words[0] === '' || words[0]?.startsWith('#')) return []
    const marker =
      words[0] === '@revoked'
        ? 'revoked'
        : words[0] === '@cert-authority'
          ? 'cert-authority'
          : 'none'
    if (words[0]?.startsWith('@') && marker === 'none') return []
    const [names, keyType, key] = marker === 'none' ? words : words.slice(1)
    if (names === undefined || keyType === undefined || key === undefined) return []
    const place = `${file}:${index + 1}`
    return [{ marker, names, keyType, key: Buffer.from(key, 'base64'), place } as const]
  })
}

/** The name under which ssh files a host: with brackets and the port where that is not 22. */
export function knownHostName(hostname: string, port: number): string {
  const lower = hostname.toLowerCase()
  return port === 22 ? lower : `[${lower}]:${port}`
}

function matchesHash(hashed: string, name: string): boolean {
  const [, , salt, hash] = hashed.split('|')
  if (salt === undefined || hash === undefined) return false
  const wanted = Buffer.from(hash, 'base64')
  const made = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest()
  return wanted.length === made.length && timingSafeEqual(wanted, made)
}

/** True when the line speaks of that host; a negated pattern (`!name`) that matches rules it out. */
function namesHost(entry: KnownHost, name: string): boolean {
  if (entry.names.startsWith('|1|')) return matchesHash(entry.names, name)
  return matchesPatterns(entry.names.split(','), name)
}

/** The type that a public key blob says of itself: a string, length first (RFC 4253 §6.6). */
export function keyTypeOf(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0
  return key.subarray(4, 4 + length).toString('latin1')
}

/** `SHA256:...`, as ssh-keygen prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** Judges a key that a host showed. A revoked key is refused whatever else is written. */
export function judgeHostKey(
  entries: readonly KnownHost[],
  name: string,
  key: Buffer,
): HostKeyVerdict {
  const ours = entries.filter(entry => namesHost(entry, name))
  const same = (entry: KnownHost) => entry.key.equals(key)
  const revoked = ours.find(entry => entry.marker === 'revoked' && same(entry))
  if (revoked !== undefined) return { kind: 'revoked', place: revoked.place }
  const plain = ours.filter(entry => entry.marker === 'none')
  if (plain.some(same)) return { kind: 'known' }
  if (plain.length > 0) return { kind: 'changed', places: plain.map(entry => entry.place) }
  return { kind: 'unknown', onlyAuthorities: ours.some(e => e.marker === 'cert-authority') }
}

/** Signature algorithms to ask for, by the type of key; an rsa key signs with sha2 (RFC 8332). */
const algorithmsOf: Readonly<Record<string, readonly string[]>> = {
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
}

/**
 * Host key algorithms in the order to ask for them: first those of which known_hosts holds a key. A
 * host with several keys would otherwise show another one, and look as if it had changed.
 */
export function hostKeyAlgorithms(
  entries: readonly KnownHost[],
  name: string,
): readonly HostKeyAlgorithm[] {
  const known = entries
    .filter(entry => entry.marker === 'none' && namesHost(entry, name))
    .flatMap(entry => algorithmsOf[entry.keyType] ?? [entry.keyType])
  const isKnown = (algorithm: string) => known.includes(algorithm)
  return [...hostKeys.offered.filter(isKnown), ...hostKeys.offered.filter(a => !isKnown(a))]
}
