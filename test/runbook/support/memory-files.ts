import { BkpError } from '../../../src/base/errors.ts'
import type { Secret } from '../../../src/base/secret.ts'
import type { SecretSources } from '../../../src/runbook/contract.ts'
import type { FileAccess } from '../../../src/runbook/file-access.ts'
import { createVault, type Vault } from '../../../src/runbook/vault/vault.ts'

/** Files that exist only in a test: absolute paths and their text. */
export function memoryFiles(contents: Readonly<Record<string, string | Uint8Array>>): FileAccess {
  const paths = Object.keys(contents)
  const isFolder = (path: string) =>
    paths.some(each => each.startsWith(`${path.replace(/\/$/, '')}/`))
  return {
    kind: path =>
      Object.hasOwn(contents, path) ? 'file' : isFolder(path) ? 'directory' : undefined,
    read: path => {
      const found = contents[path]
      if (found === undefined) throw new BkpError('usage.file_missing', `${path} cannot be read`)
      return typeof found === 'string' ? new TextEncoder().encode(found) : found
    },
    list: path =>
      [
        ...new Set(
          paths
            .filter(each => each.startsWith(`${path}/`))
            .map(each => each.slice(path.length + 1).split('/')[0] ?? ''),
        ),
      ].sort(),
    real: path => path,
  }
}

/** Secrets of a test; what was registered is kept. */
export function testSecrets(
  environment: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
  commands: Readonly<Record<string, string>> = {},
  vault: Vault = createVault(() => []),
): SecretSources & { readonly registered: Secret[] } {
  const registered: Secret[] = []
  return {
    registered,
    environment: name => environment[name],
    file: path => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
    register: secret => {
      registered.push(secret)
    },
    command: text => {
      const output = commands[text]
      if (output !== undefined) return output
      throw new BkpError('secret.unresolved', 'the command ended with status 1')
    },
    decrypt: vault.decrypt,
  }
}
