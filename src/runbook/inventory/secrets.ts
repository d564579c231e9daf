import { dirname, resolve } from 'node:path'
import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { Secret } from '../../base/secret.ts'
import { plainText } from '../../expression/literal.ts'
import type { SecretSources } from '../contract.ts'
import type { Faults } from '../faults.ts'
import { meaningOf, propertiesOf, type Schema } from '../meaning.ts'
import { isCredentialKey } from '../yaml/source-lines.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'

/** Reads the secrets of one document. */
export interface SecretReader {
  /** A credential as it is written: text, `{ env }`, `{ file }`, `{ command }`, or decrypted. */
  read(value: unknown, path: DocumentPath): Secret | undefined
}

/** A value that names a secret: one of `env`, `file` and `command`, and nothing else. */
export function isSecretReference(value: unknown): value is Readonly<Record<string, string>> {
  if (!isRecord(value)) return false
  const entries = Object.entries(value)
  const [entry] = entries
  if (entries.length !== 1 || entry === undefined) return false
  return ['env', 'file', 'command'].includes(entry[0]) && typeof entry[1] === 'string'
}

/** A reader that registers every secret it reads; paths are relative to the document's folder. */
export function createSecretReader(
  document: YamlDocument,
  sources: SecretSources,
  faults: Faults,
): SecretReader {
  const unresolved = (message: string, hint: string, path: DocumentPath): undefined => {
    faults.add('secret.unresolved', message, { hint, place: document.place(path) })
    return undefined
  }

  const fromEnvironment = (name: string, path: DocumentPath): string | undefined => {
    const value = sources.environment(name)
    if (value !== undefined && value !== '') {
      sources.conceal?.(name)
      return value
    }
    const state = value === undefined ? 'not set' : 'empty'
    return unresolved(`the environment variable ${name} is ${state}`, `export ${name}=...`, path)
  }

  const fromFile = (name: string, path: DocumentPath): string | undefined => {
    const file = resolve(dirname(document.file), expandHome(name, sources))
    let text: string
    try {
      // Editors end files with a newline, and no password ends with one.
      text = sources.file(file).replace(/\r?\n$/, '')
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable'
      const cause = error instanceof BkpError ? error.message : reason
      return unresolved(`the secret file ${file} cannot be read (${cause})`, 'check the path', path)
    }
    return text === '' ? unresolved(`the secret file ${file} is empty`, 'check it', path) : text
  }

  const fromCommand = (text: string, path: DocumentPath): string | undefined => {
    try {
      const printed = sources.command(text).replace(/\r?\n$/, '')
      if (printed !== '') return printed
      return unresolved('the command printed nothing', 'run it by hand', path)
    } catch (error) {
      if (!(error instanceof BkpError)) throw error
      return unresolved(error.message, error.hint ?? 'run it by hand', path)
    }
  }

  const fromReference = (
    { env, file, command }: Readonly<Record<string, string>>,
    path: DocumentPath,
  ): string | undefined => {
    if (env !== undefined) return fromEnvironment(env, [...path, 'env'])
    if (file !== undefined) return fromFile(file, [...path, 'file'])
    return fromCommand(command ?? '', [...path, 'command'])
  }

  return Object.freeze({
    read: (value: unknown, path: DocumentPath) => {
      // A vault value, registered when it was decrypted.
      if (value instanceof Secret) return value
      let text: string | undefined
      if (typeof value === 'string') text = plainText(value)
      else if (isSecretReference(value)) text = fromReference(value, path)
      if (text === undefined) return undefined
      const secret = new Secret(text)
      sources.register(secret)
      return secret
    },
  })
}

/** `~/x` as a path below the home directory. */
export function expandHome(path: string, sources: Pick<SecretSources, 'environment'>): string {
  const home = sources.environment('HOME')
  return home !== undefined && /^~(\/|$)/.test(path) ? home + path.slice(1) : path
}

/** What is done with values by their schema's meaning. */
export type MeaningHandlers = Readonly<
  Record<string, (value: unknown, path: DocumentPath) => unknown>
>

/** A copy of a value in which those with a handled meaning are replaced. */
export function replaceByMeaning(
  value: unknown,
  schema: unknown,
  handlers: MeaningHandlers,
  path: DocumentPath,
): unknown {
  const handler = handlers[meaningOf(schema) ?? '']
  if (handler !== undefined) return handler(value, path)
  if (Array.isArray(value)) {
    const items = keywordOf(schema, 'items')
    return value.map((item, index) => replaceByMeaning(item, items, handlers, [...path, index]))
  }
  if (!isRecord(value)) return value
  const branch = branchFor(schema, handlers)
  if (branch !== undefined) return replaceByMeaning(value, branch, handlers, path)
  const properties = propertiesOf(schema)
  const others = keywordOf(schema, 'additionalProperties')
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      replaceByMeaning(inner, properties[key] ?? others, handlers, [...path, key]),
    ]),
  )
}

/** The branch of an anyOf for maps that itself has a handled meaning. */
function branchFor(schema: unknown, handlers: MeaningHandlers): unknown {
  const branches = isRecord(schema) ? schema['anyOf'] : undefined
  if (!Array.isArray(branches)) return undefined
  return branches.find(branch => handlers[meaningOf(branch) ?? ''] !== undefined)
}

/** A keyword of a schema, or of the first of its branches that has it. */
function keywordOf(schema: unknown, keyword: string): unknown {
  if (!isRecord(schema)) return undefined
  const own = (schema as Schema)[keyword]
  if (own !== undefined) return own
  const branches = [schema['anyOf'], schema['oneOf'], schema['allOf']].flatMap(list =>
    Array.isArray(list) ? list : [],
  )
  return branches.map(branch => keywordOf(branch, keyword)).find(found => found !== undefined)
}

/** Registers text under credential keys, wherever it stands: it must not be printed either. */
export function registerPlainSecrets(value: unknown, sources: SecretSources): void {
  if (Array.isArray(value)) {
    for (const item of value) registerPlainSecrets(item, sources)
    return
  }
  if (!isRecord(value)) return
  for (const [key, inner] of Object.entries(value)) {
    const plain = typeof inner === 'string' && !inner.includes('{{')
    if (plain && isCredentialKey(key)) sources.register(new Secret(inner))
    else registerPlainSecrets(inner, sources)
  }
}
