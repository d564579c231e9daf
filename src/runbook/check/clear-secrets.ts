import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import type { SourceDocument } from '../contract.ts'
import { atPlace } from '../playbook/context.ts'
import { vaultHeader } from '../vault/vault-text.ts'
import { isCredentialKey } from '../yaml/source-lines.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { parseYaml, type YamlDocument } from '../yaml/yaml-document.ts'

/** Values are not needed: what was encrypted is not in clear. */
const blindVault = {
  decrypt: () => new Uint8Array(),
  register: () => undefined,
}

/** Keys that end as credentials do, and hold none: how one is used, or which one it is. */
const harmless =
  /^(update_password|access_key_id|aws_access_key_id)$|_(name|id|type|policy|length)$/i

/** A file without such a line needs no second look: most have none. */
const suspicious =
  /(?:passw|passphrase|secret|token|key|credential|_pass)\w{0,32}["']?[ \t]*:[ \t]*[^\s#{[&|>!]/i

/**
 * Warnings about credentials that stand in files as plain text: under keys such as `password`, `token`
 * or `secret_access_key`, and neither named by `{ env }`, `{ file }` or `{ command }`, nor encrypted,
 * nor computed. The value is not shown.
 */
export function clearSecrets(documents: readonly SourceDocument[]): readonly string[] {
  const seen = new Set<string>()
  return documents.flatMap(({ path, text }) => {
    if (seen.has(path)) return []
    seen.add(path)
    if (text.startsWith(vaultHeader) || !suspicious.test(text)) return []
    const document = opened(path, text)
    return document === undefined ? [] : find(document, document.value, [])
  })
}

function opened(path: string, text: string): YamlDocument | undefined {
  try {
    return parseYaml(path, text, 'inventory', blindVault)
  } catch (error) {
    // Files of other kinds, and those that were read in another way.
    if (error instanceof BkpError) return undefined
    throw error
  }
}

function find(document: YamlDocument, value: unknown, path: DocumentPath): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((inner, index) => find(document, inner, [...path, index]))
  }
  if (!isRecord(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = [...path, key]
    if (typeof inner !== 'string') return find(document, inner, at)
    if (!isCredentialKey(key) || harmless.test(key)) return []
    if (inner.trim() === '' || inner.includes('{{')) return []
    const hint = 'name it as { env: NAME } or { file: PATH }, or encrypt it'
    const message = `"${key}" is a secret in plain text: ${hint}`
    return [atPlace(document.place(at, 'key'), message)]
  })
}
