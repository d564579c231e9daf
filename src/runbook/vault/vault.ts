import { BkpError } from '../../base/errors.ts'
import type { Secret } from '../../base/secret.ts'
import { defaultVaultId, openVaultText, parseVaultText } from './vault-text.ts'

/** A vault password, and the id it is for. */
export interface VaultPassword {
  readonly id: string
  readonly password: Secret
}

/** Decrypts what `ansible-vault` encrypted. */
export interface Vault {
  /** The content. @throws secret.unresolved, without a place */
  decrypt(text: string): Uint8Array
}

/**
 * A vault that tries passwords as Ansible does: those for the id of the text first, then all others,
 * because the id is no more than a label. Passwords are asked for when the first text has to be
 * decrypted: a script that asks a person is not run for nothing.
 */
export function createVault(passwords: () => readonly VaultPassword[]): Vault {
  let known: readonly VaultPassword[] | undefined
  // The same text is met again through anchors, and when documents are read twice.
  const opened = new Map<string, Uint8Array>()
  return Object.freeze({
    decrypt: (text: string) => {
      const before = opened.get(text)
      if (before !== undefined) return before
      const vault = parseVaultText(text)
      known ??= passwords()
      const { id } = vault
      const inOrder = [
        ...known.filter(each => each.id === id),
        ...known.filter(each => each.id !== id),
      ]
      for (const { password } of inOrder) {
        const content = openVaultText(vault, Buffer.from(password.reveal()))
        if (content === undefined) continue
        opened.set(text, content)
        return content
      }
      throw noPassword(id, known)
    },
  } satisfies Vault)
}

function noPassword(id: string, known: readonly VaultPassword[]): BkpError {
  const isNamed = id !== defaultVaultId
  const what = isNamed
    ? `it is encrypted by Ansible Vault for the id "${id}"`
    : 'it is encrypted by Ansible Vault'
  const ids = [...new Set(known.map(each => `"${each.id}"`))].join(', ')
  const why = known.length === 0 ? 'no password was given' : `no password fits; given: ${ids}`
  const flag = isNamed ? `--vault-id ${id}@FILE` : '--vault-password-file FILE'
  return new BkpError('secret.unresolved', `${what}, and ${why}`, {
    hint: `give its password with ${flag}, or set ANSIBLE_VAULT_PASSWORD_FILE`,
  })
}
