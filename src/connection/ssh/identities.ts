import { open } from 'node:fs/promises'
import type { ParsedKey } from 'ssh2'
import keys from 'ssh2/lib/protocol/keyParser.js'
import type { Identity } from './target.ts'

/** What a key file turned out to be. */
export type LoadedIdentity =
  | { readonly kind: 'usable'; readonly key: ParsedKey; readonly publicKey: Buffer }
  /** Its passphrase is missing, or it is a public key alone: the agent may hold the rest. */
  | { readonly kind: 'agent_only'; readonly publicKey: Buffer; readonly why: string }
  | { readonly kind: 'unusable'; readonly why: string; readonly isAbsent: boolean }

/** Loads keys; never throws. */
export type LoadIdentity = (identity: Identity) => Promise<LoadedIdentity>

/** A key file is never larger. */
const limitBytes = 256 * 1024

/** A loader that keeps what it loaded: taking a passphrase off takes a tenth of a second a time. */
export function createIdentityLoader(): LoadIdentity {
  const known = new Map<string, { readonly identity: Identity; loading: Promise<LoadedIdentity> }>()
  return identity => {
    const before = known.get(identity.file)
    const isSame =
      before?.identity.text?.reveal() === identity.text?.reveal() &&
      before?.identity.passphrase?.reveal() === identity.passphrase?.reveal()
    if (before !== undefined && isSame) return before.loading
    const loading = load(identity)
    known.set(identity.file, { identity, loading })
    return loading
  }
}

async function load(identity: Identity): Promise<LoadedIdentity> {
  const { file } = identity
  if (identity.text !== undefined) {
    // What is kept in a variable may have lost its last newline, which a key needs.
    return await parse(identity, Buffer.from(`${identity.text.reveal().trim()}\n`))
  }
  let read: { readonly bytes: Buffer; readonly mode: number }
  try {
    read = await readWhole(file)
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException
    const isAbsent = code === 'ENOENT'
    // ssh takes a key that lives in the agent alone by its public half.
    const publicKey = isAbsent ? await publicHalf(file) : undefined
    if (publicKey !== undefined) return agentOnly(publicKey, `${file} is not there`)
    const why = isAbsent ? `${file} is not there` : `${file} cannot be read (${code ?? message})`
    return { kind: 'unusable', why, isAbsent }
  }
  const isPublic = !read.bytes.includes('PRIVATE KEY') && !read.bytes.includes('PuTTY-User-Key')
  // ssh itself refuses such a key: whoever else can read it can log in.
  if (!isPublic && (read.mode & 0o077) !== 0) {
    return unusable(`${file} may be read by others: chmod 600 ${file}`)
  }
  return await parse(identity, read.bytes)
}

async function readWhole(file: string): Promise<{ readonly bytes: Buffer; readonly mode: number }> {
  const handle = await open(file, 'r')
  try {
    const { mode, size } = await handle.stat()
    if (size > limitBytes) throw new Error('too large for a key')
    return { bytes: await handle.readFile(), mode }
  } finally {
    await handle.close()
  }
}

async function parse({ file, passphrase }: Identity, bytes: Buffer): Promise<LoadedIdentity> {
  const key = parseKey(bytes, passphrase?.reveal())
  if (!(key instanceof Error)) {
    const publicKey = key.getPublicSSH()
    if (key.isPrivateKey()) return { kind: 'usable', key, publicKey }
    return agentOnly(
      publicKey,
      `${file} is a public key, whose private one the agent does not hold`,
    )
  }
  const isLocked = /no passphrase given/i.test(key.message)
  const isWrong = passphrase !== undefined && /passphrase|bad decrypt|integrity/i.test(key.message)
  if (!isLocked && !isWrong) return unusable(`${file} is no private key that bkp reads`)
  const why = isLocked ? `${file} needs a passphrase` : `the passphrase given does not open ${file}`
  const publicKey = publicPart(bytes) ?? (await publicHalf(file))
  return publicKey === undefined ? unusable(why) : agentOnly(publicKey, why)
}

function unusable(why: string): LoadedIdentity {
  return { kind: 'unusable', why, isAbsent: false }
}

function agentOnly(publicKey: Buffer, why: string): LoadedIdentity {
  return { kind: 'agent_only', publicKey, why }
}

/** ssh2 gives a list for some formats, and throws for some that are cut short. */
function parseKey(bytes: Buffer, passphrase: string | undefined): ParsedKey | Error {
  try {
    const found: unknown = keys.parseKey(bytes, passphrase)
    return (Array.isArray(found) ? found[0] : found) as ParsedKey | Error
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}

/** The key beside it that `.pub` names. */
async function publicHalf(file: string): Promise<Buffer | undefined> {
  try {
    const parsed = parseKey((await readWhole(`${file}.pub`)).bytes, undefined)
    return parsed instanceof Error ? undefined : parsed.getPublicSSH()
  } catch {
    return undefined
  }
}

const magic = Buffer.from('openssh-key-v1\0')

/** The public key in front of an encrypted private one (OpenSSH PROTOCOL.key). */
function publicPart(bytes: Buffer): Buffer | undefined {
  const text = bytes.toString('latin1')
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1]
  if (body === undefined) return undefined
  const blob = Buffer.from(body, 'base64')
  if (!blob.subarray(0, magic.length).equals(magic)) return undefined
  let at = magic.length
  const next = (): Buffer | undefined => {
    if (at + 4 > blob.length) return undefined
    const length = blob.readUInt32BE(at)
    const part = blob.subarray(at + 4, at + 4 + length)
    at += 4 + length
    return part.length === length ? part : undefined
  }
  // Cipher, key derivation and its options come first, then the number of keys.
  for (let skipped = 0; skipped < 3; skipped += 1) if (next() === undefined) return undefined
  at += 4
  return next()
}
