import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { BkpError } from '../../base/errors.ts'

/**
 * Text as `ansible-vault` writes it: a header, then hex of three lines of hex, which are salt,
 * HMAC and ciphertext (ansible-core 2.19, lib/ansible/parsing/vault/__init__.py, VaultAES256).
 */
export interface VaultText {
  /** The label of format 1.2; without one, 1.1 means `default`. */
  readonly id: string
  readonly salt: Uint8Array
  readonly hmac: Uint8Array
  readonly ciphertext: Uint8Array
}

/** What vault files and values begin with. */
export const vaultHeader = '$ANSIBLE_VAULT;'

/** The id of text that names none, and of passwords given without one. */
export const defaultVaultId = 'default'

/** Most characters of vault text that are read: plain text of 1 MiB, hex twice, in lines. */
export const vaultTextLimit: number = 4.25 * 1024 * 1024

/** Ansible writes 32 bytes; VAULT_ENCRYPT_SALT may be of any length. */
const longestSalt = 1024

const keyBytes = 32
const blockBytes = 16
const iterations = 10_000

function damaged(what: string): BkpError {
  return new BkpError('secret.unresolved', `the vault text is damaged: ${what}`, {
    hint: 'encrypt it again with ansible-vault',
  })
}

function fromHex(text: string, what: string): Buffer {
  if (text.length % 2 !== 0 || !/^[\da-f]*$/i.test(text)) throw damaged(`${what} is not hex`)
  return Buffer.from(text, 'hex')
}

/** Takes vault text apart. @throws secret.unresolved for damaged text, other formats and ciphers */
export function parseVaultText(text: string): VaultText {
  if (text.length > vaultTextLimit) {
    throw new BkpError('secret.unresolved', `the vault text has ${text.length} characters`, {
      hint: `at most ${vaultTextLimit} are read`,
    })
  }
  const [header = '', ...rest] = text.trim().split(/\r?\n/)
  const [, version, cipher, id] = header.trim().split(';')
  if (!header.startsWith(vaultHeader) || version === undefined || cipher === undefined) {
    throw damaged('it has no header')
  }
  if (version !== '1.1' && version !== '1.2') {
    throw new BkpError('secret.unresolved', `vault format "${version}" is not read`, {
      hint: 'formats 1.1 and 1.2 are: ansible-vault rekey writes them',
    })
  }
  if (cipher !== 'AES256') {
    throw new BkpError('secret.unresolved', `the vault cipher "${cipher}" is not read`, {
      hint: 'AES256 is: ansible-vault rekey writes it',
    })
  }
  const inner = fromHex(rest.map(line => line.trim()).join(''), 'its body').toString('latin1')
  const [salt, hmac, ciphertext, ...more] = inner.split('\n')
  if (salt === undefined || hmac === undefined || ciphertext === undefined || more.length > 0) {
    throw damaged('it does not have three parts')
  }
  const parsed = {
    id: version === '1.2' && id !== undefined && id !== '' ? id : defaultVaultId,
    salt: fromHex(salt, 'its salt'),
    hmac: fromHex(hmac, 'its checksum'),
    ciphertext: fromHex(ciphertext, 'its content'),
  }
  if (parsed.salt.length === 0 || parsed.salt.length > longestSalt) {
    throw damaged(`its salt has ${parsed.salt.length} bytes`)
  }
  if (parsed.hmac.length !== 32) throw damaged('its checksum has not 32 bytes')
  const size = parsed.ciphertext.length
  if (size === 0 || size % blockBytes !== 0) throw damaged(`its content has ${size} bytes`)
  return parsed
}

/**
 * The content, or undefined when the password is another one. The checksum is compared in constant
 * time and before anything is decrypted. @throws secret.unresolved when the padding is wrong
 */
export function openVaultText(vault: VaultText, password: Uint8Array): Uint8Array | undefined {
  const derived = pbkdf2Sync(password, vault.salt, iterations, 2 * keyBytes + blockBytes, 'sha256')
  const hmac = createHmac('sha256', derived.subarray(keyBytes, 2 * keyBytes))
    .update(vault.ciphertext)
    .digest()
  if (!timingSafeEqual(hmac, vault.hmac)) return undefined
  const decipher = createDecipheriv(
    'aes-256-ctr',
    derived.subarray(0, keyBytes),
    derived.subarray(2 * keyBytes),
  )
  return withoutPadding(Buffer.concat([decipher.update(vault.ciphertext), decipher.final()]))
}

/** PKCS #7: the last byte says how many bytes are padding, each of which says the same. */
function withoutPadding(bytes: Buffer): Uint8Array {
  const padding = bytes.at(-1) ?? 0
  const end = bytes.length - padding
  const isWhole = padding > 0 && padding <= blockBytes && end >= 0
  if (!isWhole || bytes.subarray(end).some(byte => byte !== padding)) {
    throw damaged('its padding is wrong')
  }
  return bytes.subarray(0, end)
}
