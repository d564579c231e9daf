import { createCipheriv, createHmac, pbkdf2Sync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { createVault, type VaultPassword } from '../../../src/runbook/vault/vault.ts'
import { openVaultText, parseVaultText } from '../../../src/runbook/vault/vault-text.ts'
import { errorOf } from '../support/errors.ts'

const golden = (name: string): string =>
  readFileSync(new URL(`../../golden/vault/${name}`, import.meta.url), 'utf8')

/** The passwords of the golden files, as their README has them. */
const passwords: readonly VaultPassword[] = [
  { id: 'default', password: new Secret('correct horse battery staple') },
  { id: 'dev', password: new Secret('spaced pass') },
]

/** The vault text of a golden value: without its key, and as YAML takes the indentation away. */
function goldenValue(name: string): string {
  const [, ...lines] = golden(name).split('\n')
  return lines.map(line => line.trim()).join('\n')
}

function decrypted(text: string, known = passwords): string {
  return new TextDecoder().decode(createVault(() => known).decrypt(text))
}

describe('what ansible-vault wrote', () => {
  test('values of formats 1.1 and 1.2', () => {
    expect(decrypted(goldenValue('value-1.1.yml'))).toBe('sixteen-bytes-ok')
    expect(decrypted(goldenValue('value-1.2.yml'))).toBe('pässwörd "with" \\ and\ntwo lines\n')
  })

  test('files', () => {
    expect(decrypted(golden('file-1.1.yml'))).toMatch(/^# an encrypted group_vars file\ndb_pass/)
    expect(decrypted(golden('file-1.2.yml'))).toBe(decrypted(golden('file-1.1.yml')))
    expect(parseVaultText(golden('file-1.2.yml')).id).toBe('prod')
  })

  test('blank space around it and line ends of Windows do not matter', () => {
    const text = `${goldenValue('value-1.1.yml').replaceAll('\n', ' \r\n  ')}\n\n`
    expect(decrypted(text)).toBe('sixteen-bytes-ok')
  })
})

describe('passwords', () => {
  test('those of the id of the text come first, then all others', () => {
    const wrong = { id: 'dev', password: new Secret('wrong') }
    const elsewhere = { id: 'other', password: new Secret('spaced pass') }
    expect(decrypted(goldenValue('value-1.2.yml'), [wrong, elsewhere])).toContain('two lines')
  })

  test('without one that fits, the message names the id and the flag', () => {
    const named = errorOf(() => decrypted(goldenValue('value-1.2.yml'), passwords.slice(0, 1)))
    expect(named.code).toBe('secret.unresolved')
    expect(named.message).toContain('for the id "dev", and no password fits; given: "default"')
    expect(named.hint).toContain('--vault-id dev@FILE')
    const plain = errorOf(() => decrypted(golden('file-1.1.yml'), []))
    expect(plain.message).toContain('no password was given')
    expect(plain.hint).toContain('--vault-password-file FILE')
  })

  test('are asked for once, and only when there is something to decrypt', () => {
    let asked = 0
    const vault = createVault(() => {
      asked += 1
      return passwords
    })
    expect(asked).toBe(0)
    vault.decrypt(golden('file-1.1.yml'))
    vault.decrypt(golden('file-1.2.yml'))
    vault.decrypt(golden('file-1.1.yml'))
    expect(asked).toBe(1)
  })
})

/** Vault text as Ansible makes it, with a body of any kind in it. */
function sealed(padded: Uint8Array, password: string, salt = Buffer.alloc(32, 7)): string {
  const derived = pbkdf2Sync(password, salt, 10_000, 80, 'sha256')
  const cipher = createCipheriv('aes-256-ctr', derived.subarray(0, 32), derived.subarray(64))
  const content = Buffer.concat([cipher.update(padded), cipher.final()])
  const hmac = createHmac('sha256', derived.subarray(32, 64)).update(content).digest()
  return enveloped([salt, hmac, content].map(part => part.toString('hex')).join('\n'))
}

function enveloped(inner: string, header = '$ANSIBLE_VAULT;1.1;AES256'): string {
  const hex = Buffer.from(inner).toString('hex')
  return `${[header, ...(hex.match(/.{1,80}/g) ?? [])].join('\n')}\n`
}

/** What a function gives, or the code of what it throws. */
function settled(run: () => string): string {
  try {
    return run()
  } catch {
    return errorOf(run).code
  }
}

describe('hostile vault text', () => {
  test.each<[string, string, RegExp]>([
    ['no header', 'abc', /no header/],
    ['a header alone', '$ANSIBLE_VAULT;1.1;AES256\n', /three parts/],
    ['half a header', '$ANSIBLE_VAULT;1.1\n61', /no header/],
    ['a newer format', enveloped('x', '$ANSIBLE_VAULT;2.0;AES256'), /format "2.0" is not read/],
    ['an old cipher', enveloped('x', '$ANSIBLE_VAULT;1.1;AES'), /cipher "AES" is not read/],
    ['a body that is no hex', '$ANSIBLE_VAULT;1.1;AES256\nxyz', /not hex/],
    ['odd hex', '$ANSIBLE_VAULT;1.1;AES256\n616', /not hex/],
    ['two parts', enveloped('61\n62'), /three parts/],
    ['four parts', enveloped('61\n62\n63\n64'), /three parts/],
    ['no salt', enveloped(`\n${'00'.repeat(32)}\n${'00'.repeat(16)}`), /salt has 0 bytes/],
    ['a short checksum', enveloped(`61\n00\n${'00'.repeat(16)}`), /checksum has not 32 bytes/],
    ['no content', enveloped(`61\n${'00'.repeat(32)}\n`), /content has 0 bytes/],
    ['half a block', enveloped(`61\n${'00'.repeat(32)}\n0000`), /content has 2 bytes/],
    ['too much', `$ANSIBLE_VAULT;1.1;AES256\n${'61'.repeat(3_000_000)}`, /has 6000026 characters/],
    ['no padding', sealed(Buffer.alloc(16), 'correct horse battery staple'), /padding is wrong/],
    ['wrong padding', sealed(Buffer.alloc(16, 17), passwords[0]?.password.reveal() ?? ''), /padd/],
  ])('%s', (_name, text, message) => {
    const error = errorOf(() => decrypted(text))
    expect(error.code).toBe('secret.unresolved')
    expect(error.message).toMatch(message)
  })

  test('whichever digit is changed, it is refused or means the same', () => {
    const text = golden('file-1.1.yml')
    const body = text.indexOf('\n') + 1
    fc.assert(
      fc.property(fc.integer({ min: body, max: text.length - 2 }), fc.nat(14), (at, other) => {
        if (text[at] === '\n') return
        const digit = '0123456789abcdef'.replace(text[at] ?? '', '')[other]
        const changed = `${text.slice(0, at)}${digit}${text.slice(at + 1)}`
        // An inner digit may have become upper case.
        const content = settled(() => decrypted(changed))
        expect([decrypted(text), 'secret.unresolved']).toContain(content)
      }),
      { numRuns: 60 },
    )
  })

  test('nothing is decrypted before the checksum holds', () => {
    const vault = parseVaultText(golden('file-1.1.yml'))
    expect(openVaultText(vault, Buffer.from('another'))).toBeUndefined()
  })
})
