import { parseDocument, type YAMLError } from 'yaml'
import { BkpError, type Place } from '../../base/errors.ts'
import type { PlaceOf } from '../../expression/contract.ts'
import { createFaults, type Faults, throwAll } from '../faults.ts'
import { vaultHeader, vaultTextLimit } from '../vault/vault-text.ts'
import {
  type Converted,
  type ConvertOptions,
  convertDocument,
  type Flavour,
  unsafeTag,
  type VaultAccess,
  vaultTags,
} from './convert.ts'
import { decodeSource } from './decode.ts'
import { sourceOffset } from './scalar-offsets.ts'
import { createSourceLines, type SourceLines } from './source-lines.ts'
import { type DocumentPath, findPosition } from './tree-position.ts'
import { checkLimits } from './yaml-limits.ts'

/** A file that was parsed: plain data, and the place of each part of it. */
export interface YamlDocument {
  readonly file: string
  /** As it lies on disk: of an encrypted file the vault text. */
  readonly text: string
  /** All of it was encrypted by Ansible Vault: its values are secrets. */
  readonly encrypted: boolean
  readonly flavour: Flavour
  /** Frozen; maps have no prototype. Null for an empty file. */
  readonly value: unknown
  readonly warnings: readonly string[]
  /** Where a value stands, or its key; the nearest ancestor's place when the path does not exist. */
  place(path: DocumentPath, what?: 'key' | 'value'): Place
  /** The place of a character of a scalar's decoded text; `width` in characters. */
  placeInside(path: DocumentPath, offset: number, width?: number): Place
  /** The places of a scalar's characters, as the expression compiler asks for them. */
  placesOf(path: DocumentPath): PlaceOf
  /** The scalar as it is written; undefined for maps and lists. */
  sourceOf(path: DocumentPath): string | undefined
  /** A scalar without quotes: YAML decided where it ends and what it is. */
  isPlain(path: DocumentPath): boolean
  /** A comment cuts a scalar without quotes: an expression with ` #` in it ends early. */
  isCutByComment(path: DocumentPath): boolean
  /** True below keys that hold credentials: such values are not quoted in messages. */
  isCredential(path: DocumentPath): boolean
  /** True for text tagged `!unsafe`, or within what is: it is never rendered. */
  isUnsafe(path: DocumentPath): boolean
  /** The value at a path; undefined where there is none. */
  valueAt(path: DocumentPath): unknown
}

/**
 * Parses a YAML (or JSON) file: one document, no unknown tags, no key twice.
 * With `vault`, encrypted files and values are decrypted.
 * @throws yaml.limit, yaml.invalid (every fault of the file), secret.unresolved for vault text that
 * cannot be decrypted
 */
export function parseYaml(
  file: string,
  source: Uint8Array | string,
  flavour: Flavour = 'playbook',
  vault?: VaultAccess,
): YamlDocument {
  const bytes = typeof source === 'string' ? new TextEncoder().encode(source) : source
  const encrypted = isVaultFile(bytes)
  const text = decodeSource(file, encrypted ? decryptFile(file, bytes, vault) : bytes)
  checkLimits(file, text)
  const lines = createSourceLines(file, text)
  if (encrypted) lines.maskRange([0, text.length])
  const faults = createFaults()
  const warnings: string[] = []
  const isJson = flavour === 'inventory' && isJsonText(text)
  const root = readTree(text, lines, { flavour, vault, encrypted, isJson }, faults, warnings)
  throwAll(faults.list, file)
  const raw = encrypted ? new TextDecoder().decode(bytes) : text
  return createDocument({ file, raw, text, flavour, encrypted, root, lines, warnings })
}

function isJsonText(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function isVaultFile(bytes: Uint8Array): boolean {
  const beginning = new TextDecoder().decode(bytes.subarray(0, vaultHeader.length))
  return beginning === vaultHeader
}

function decryptFile(file: string, bytes: Uint8Array, vault: VaultAccess | undefined): Uint8Array {
  const place = { file, line: 1, column: 1 }
  try {
    if (vault === undefined || bytes.length > vaultTextLimit) {
      const why = vault === undefined ? 'no password was given' : 'it is too large'
      throw new BkpError('secret.unresolved', `it is encrypted by Ansible Vault, and ${why}`)
    }
    return vault.decrypt(new TextDecoder().decode(bytes))
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    throw new BkpError(error.code, `the file cannot be read: ${error.message}`, {
      hint: error.hint ?? 'decrypt it, or name its secrets as { env: NAME } or { file: PATH }',
      place,
    })
  }
}

function readTree(
  text: string,
  lines: SourceLines,
  options: ConvertOptions,
  faults: Faults,
  warnings: string[],
): Converted {
  try {
    const document = parseDocument(text, {
      prettyErrors: false,
      uniqueKeys: false,
      // 'silent' would hide that there is a second document.
      logLevel: 'error',
      customTags: [
        ...[...vaultTags, unsafeTag].map(tag => ({ tag, resolve: (value: string) => value })),
        { tag: unsafeTag, collection: 'map' as const },
        { tag: unsafeTag, collection: 'seq' as const },
      ],
    })
    // The composer tells of an unknown tag only by a warning: here it is a fault.
    for (const error of [...document.errors, ...document.warnings]) {
      const { message, hint } = options.encrypted
        ? { message: 'the decrypted text is not YAML here', hint: undefined }
        : describe(error, text)
      const place = lines.place(error.pos[0], Math.min(error.pos[1] - error.pos[0], 80))
      faults.add('yaml.invalid', message, hint === undefined ? { place } : { place, hint })
    }
    return convertDocument(document, text, lines, options, faults, warnings)
  } catch (error) {
    if (error instanceof BkpError) {
      faults.take(error)
      throwAll(faults.list, error.place?.file ?? '')
    }
    // yaml throws plain errors for what it cannot compose; the text is at fault, not bkp.
    throw new BkpError('yaml.invalid', 'the file is not YAML that bkp reads', {
      cause: error,
      place: lines.place(0),
    })
  }
}

/** The message for a fault that the parser found, with what to do where it is known. */
function describe(
  error: YAMLError,
  text: string,
): { readonly message: string; readonly hint?: string } {
  const at = error.pos[0]
  const lineStart = text.lastIndexOf('\n', at - 1) + 1
  const line = text.slice(lineStart, (text.indexOf('\n', at) + 1 || text.length + 1) - 1)
  const quoteIt = 'quote the value'
  if (error.code === 'MULTIPLE_DOCS') {
    return { message: 'the file holds more than one YAML document', hint: 'remove the "---"' }
  }
  if (error.code === 'TAG_RESOLVE_FAILED') {
    const tag = /^!\S*/.exec(text.slice(at))?.[0] ?? ''
    return {
      message: `"${tag}" is an unknown YAML tag`,
      hint: `quote it, if it is an expression: "${tag} ..."`,
    }
  }
  if (error.code === 'TAB_AS_INDENT' || /^\s*\t/.test(line)) {
    return { message: 'tabs cannot indent YAML', hint: 'use spaces' }
  }
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY') {
    return { message: 'a value without quotes cannot contain ": "', hint: quoteIt }
  }
  const message = (error.message.split('\n', 1)[0] ?? '').replace(/[.:]?\s*$/, '')
  const lower = message.charAt(0).toLowerCase() + message.slice(1)
  const begins = /:\s+(\{\{|[%@`])/.test(line)
  return begins
    ? { message: lower, hint: 'quote a value that begins with {{, %, @ or a backtick' }
    : { message: lower }
}

interface DocumentParts {
  readonly file: string
  /** As it lies on disk, and as it was parsed. */
  readonly raw: string
  readonly text: string
  readonly flavour: Flavour
  readonly encrypted: boolean
  readonly root: Converted
  readonly lines: SourceLines
  readonly warnings: readonly string[]
}

function createDocument(parts: DocumentParts): YamlDocument {
  const { file, raw, text, flavour, encrypted, root, lines, warnings } = parts
  const find = (path: DocumentPath) => findPosition(root.position, path)
  const firstLine = (start: number, end: number) =>
    text.slice(start, end).split('\n', 1)[0]?.trimEnd().length ?? 1
  const placeInside = (path: DocumentPath, offset: number, width = 1): Place => {
    const { position, exact } = find(path)
    if (!exact || position.style === undefined) return lines.place(position.value[0], 1)
    const [start, end] = position.value
    const value = valueAt(root.value, path)
    const decoded = typeof value === 'string' ? value : text.slice(start, end)
    const from = sourceOffset(text.slice(start, end), decoded, position.style, offset)
    return lines.place(start + from, width)
  }
  return Object.freeze({
    file,
    text: raw,
    flavour,
    encrypted,
    value: root.value,
    warnings,
    place: (path: DocumentPath, what: 'key' | 'value' = 'value') => {
      const { position, exact } = find(path)
      const empty = position.value[0] === position.value[1]
      const range =
        (what === 'key' || !exact || empty) && position.key !== undefined
          ? position.key
          : position.value
      return lines.place(range[0], firstLine(range[0], range[1]))
    },
    placeInside,
    placesOf: (path: DocumentPath) => (start: number, end: number) =>
      lazyPlace(file, () => placeInside(path, start, end - start)),
    sourceOf: (path: DocumentPath) => {
      const { position, exact } = find(path)
      return exact && position.style !== undefined ? text.slice(...position.value) : undefined
    },
    isPlain: (path: DocumentPath) => {
      const { position, exact } = find(path)
      return exact && position.style === 'plain'
    },
    isCutByComment: (path: DocumentPath) => {
      const { position, exact } = find(path)
      if (!exact || position.style !== 'plain') return false
      return /^[ \t]+#/.test(text.slice(position.value[1], position.value[1] + 80))
    },
    isCredential: (path: DocumentPath) => find(path).position.credential,
    isUnsafe: (path: DocumentPath) => {
      const { position, exact } = find(path)
      return exact && position.unsafe === true
    },
    valueAt: (path: DocumentPath) => valueAt(root.value, path),
  })
}

/** A place that is looked for when it is read: few expressions are ever shown. */
function lazyPlace(file: string, find: () => Place): Place {
  let found: Place | undefined
  const place = (): Place => {
    found ??= find()
    return found
  }
  return {
    file,
    get line() {
      return place().line
    },
    get column() {
      return place().column
    },
    get width() {
      return place().width ?? 1
    },
    get text() {
      return place().text ?? ''
    },
  }
}

/** The value at a path; undefined where there is none. */
function valueAt(value: unknown, path: DocumentPath): unknown {
  let inner = value
  for (const step of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, step)) return undefined
    inner = (inner as Readonly<Record<string | number, unknown>>)[step]
  }
  return inner
}
