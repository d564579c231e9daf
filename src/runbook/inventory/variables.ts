import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import type { Binding, Tree, Variables } from '../../expression/contract.ts'
import { compileTree } from '../../expression/tree.ts'
import type { SecretSources } from '../contract.ts'
import type { Faults } from '../faults.ts'
import { isCredentialKey, isPasswordKey } from '../yaml/source-lines.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import {
  checkConnection,
  ignoredOptions,
  ignoredText,
  isConnectionVariable,
} from './connection-variables.ts'
import type { VariableOrigins } from './origins.ts'
import { sealTree } from './seal.ts'
import { createSecretReader, isSecretReference, registerPlainSecrets } from './secrets.ts'

/** What reading a document needs, and where it tells of faults. */
export interface ReadContext {
  readonly secrets: SecretSources
  readonly faults: Faults
  readonly warnings: string[]
  /** Told where each variable was written, where somebody wants to know. */
  readonly origins?: VariableOrigins
}

/** Connection variables whose plain text is a Secret, too, though their names say so less clearly. */
const secretVariables: readonly string[] = [
  'ansible_ssh_pass',
  'ansible_become_pass',
  'ansible_sudo_pass',
  'ansible_ssh_private_key',
  'ansible_private_key',
]

/** Says of a variable that plain text in it is a Secret. */
export function isSecretVariable(name: string): boolean {
  return isPasswordKey(name) || secretVariables.includes(name)
}

/**
 * The variables of a map in a file, with `{{ }}` compiled and secrets read. Faults are collected;
 * what is at fault is left out.
 */
export function readVariables(
  document: YamlDocument,
  value: unknown,
  path: DocumentPath,
  { secrets: sources, faults, warnings, origins }: ReadContext,
): Variables {
  const variables = new Map<string, Binding>()
  if (value === null || value === undefined) return variables
  if (!isRecord(value)) {
    faults.add('inventory.invalid', 'variables must be a map', { place: document.place(path) })
    return variables
  }
  const secrets = createSecretReader(document, sources, faults)
  registerPlainSecrets(value, sources)
  for (const [name, inner] of Object.entries(value)) {
    const at = [...path, name]
    const fault = checkConnection(name, inner)
    if (fault !== undefined) {
      faults.add('inventory.invalid', `"${name}" ${fault.message}`, {
        hint: fault.hint,
        place: document.place(at),
      })
    }
    for (const option of ignoredOptions(name, inner)) {
      const { file, line, column } = document.place(at)
      warnings.push(`${file}:${line}:${column}: ${ignoredText(option)}`)
    }
    const named = (isCredentialKey(name) || isSecretVariable(name)) && isSecretReference(inner)
    const plain = isSecretVariable(name) && typeof inner === 'string' && !inner.includes('{{')
    if (named || plain) {
      const secret = secrets.read(inner, at)
      if (secret !== undefined) variables.set(name, { tree: secret })
      continue
    }
    const tree = compileValue(document, inner, at, faults)
    if (tree === undefined) continue
    const sealed = document.encrypted && !isConnectionVariable(name)
    variables.set(name, { tree: sealed ? sealTree(tree, sources) : tree })
  }
  if (origins !== undefined) {
    for (const [name, binding] of variables) origins.keep(binding, document, [...path, name])
  }
  return variables
}

/** A value of a document with `{{ }}` compiled; undefined after a fault. */
export function compileValue(
  document: YamlDocument,
  value: unknown,
  path: DocumentPath,
  faults: Faults,
): Tree | undefined {
  try {
    return compileTree(value, inner => document.placesOf([...path, ...inner]))
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    faults.take(error)
    return undefined
  }
}

/** Several sets of variables as one: later ones win, name by name. */
export function mergeVariables(layers: readonly Variables[]): Variables {
  return new Map(layers.flatMap(layer => [...layer]))
}
