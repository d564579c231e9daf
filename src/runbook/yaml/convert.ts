import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Scalar,
} from 'yaml'
import { BkpError } from '../../base/errors.ts'
import { mask, Secret } from '../../base/secret.ts'
import { literalText } from '../../expression/literal.ts'
import type { SecretSources } from '../contract.ts'
import type { Faults } from '../faults.ts'
import { readOldNumber } from './old-numbers.ts'
import { isCredentialKey, type SourceLines } from './source-lines.ts'
import type { Position, ScalarStyle } from './tree-position.ts'

/**
 * How plain words are read: `playbook` is YAML 1.2; `inventory` reads yes/no/on/off as booleans and
 * numbers as YAML 1.1 has them, because Ansible shares the file, but octal ones as text: whoever writes
 * 0644 means these digits.
 */
export type Flavour = 'playbook' | 'inventory'

/** A converted value, its positions, and how many nodes it has with aliases expanded. */
export interface Converted {
  readonly value: unknown
  readonly position: Position
  readonly size: number
}

/** Most nodes of a document with its aliases expanded: a few lines of aliases can mean millions. */
const expandedLimit = 100_000

/** Keys that JavaScript treats specially; nothing of ours needs them. */
const refusedKeys = new Set(['__proto__', 'constructor', 'prototype'])

/** Keys below a credential that say where the secret is, not what it is. */
const referenceKeys = new Set(['env', 'file', 'command'])

/** The booleans of YAML 1.1 as PyYAML reads them; `y` and `n` are text there, too. */
const oldBooleans: ReadonlyMap<string, boolean> = new Map(
  (['yes', 'Yes', 'YES', 'on', 'On', 'ON'] as const)
    .map((word): [string, boolean] => [word, true])
    .concat(
      ['no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word): [string, boolean] => [word, false]),
    ),
)

const refusedTags = /^tag:yaml\.org,2002:(binary|set|omap|pairs|timestamp|merge)$/

const styles: Readonly<Record<string, ScalarStyle>> = {
  PLAIN: 'plain',
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'block',
  BLOCK_FOLDED: 'block',
}

type Range = readonly [number, number]

function rangeOf(node: unknown, fallback: Range): Range {
  const range = (node as { range?: readonly number[] | null } | null)?.range
  return range === undefined || range === null ? fallback : [range[0] ?? 0, range[1] ?? 0]
}

/** What decrypts, and keeps what was decrypted out of sight. */
export type VaultAccess = Pick<SecretSources, 'decrypt' | 'register'>

/** The tags of values that Ansible Vault encrypted; the second is an old name. */
export const vaultTags: readonly string[] = ['!vault', '!vault-encrypted']

/** Ansible's tag of values that are never rendered, whatever stands in them. */
export const unsafeTag = '!unsafe'

/** How a document is read, besides its text. */
export interface ConvertOptions {
  readonly flavour: Flavour
  /** Undefined: vault values are faults. */
  readonly vault: VaultAccess | undefined
  /** It is JSON, whose numbers are the same to everybody. */
  readonly isJson?: boolean
  /** All of it was encrypted: nothing of it is shown. */
  readonly encrypted: boolean
}

/**
 * Turns a parsed document into frozen plain data with null prototypes, and finds its faults. Vault
 * values become Secrets.
 */
export function convertDocument(
  document: Document,
  text: string,
  lines: SourceLines,
  { flavour, vault, encrypted, isJson = false }: ConvertOptions,
  faults: Faults,
  warnings: string[],
): Converted {
  const anchors = new Map<string, Converted | 'open'>()
  /** How many nodes tagged `!unsafe` stand around what is being converted. */
  let unsafe = 0
  let expanded = 0

  const placeOf = ([start, end]: Range) =>
    lines.place(start, Math.max(1, text.slice(start, end).split('\n', 1)[0]?.length ?? 1))
  const nothing = (range: Range, credential: boolean, key: Range | undefined): Converted => ({
    value: null,
    position: { key, value: range, style: undefined, credential, children: new Map() },
    size: 1,
  })

  const convert = (
    node: unknown,
    around: Range,
    key: Range | undefined,
    credential: boolean,
  ): Converted => {
    const range = rangeOf(node, around)
    if (isAlias(node)) return convertAlias(node.source, range, key, credential)
    const anchor = (node as (Node & { anchor?: string }) | null)?.anchor
    if (anchor !== undefined) anchors.set(anchor, 'open')
    const isUnsafe = (node as Node | null)?.tag === unsafeTag
    if (isUnsafe) unsafe += 1
    const result = isMap(node)
      ? convertMap(node.items, range, key, credential)
      : isSeq(node)
        ? convertList(node.items, range, key, credential)
        : isScalar(node)
          ? convertScalar(node, range, key, credential)
          : nothing(range, credential, key)
    if (isUnsafe) unsafe -= 1
    const tag = (node as Node | null)?.tag
    if (tag !== undefined && refusedTags.test(tag)) {
      faults.add('yaml.invalid', `the tag "!!${tag.split(':').at(-1)}" is not accepted`, {
        hint: 'plain text, numbers, booleans, lists and maps are read',
        place: placeOf(range),
      })
    }
    if (anchor !== undefined) anchors.set(anchor, result)
    return result
  }

  const convertAlias = (
    name: string,
    range: Range,
    key: Range | undefined,
    credential: boolean,
  ): Converted => {
    const target = anchors.get(name)
    const shown = credential ? mask : name
    if (credential) lines.maskRange(range)
    if (target === undefined || target === 'open') {
      const message =
        target === 'open'
          ? `the alias "*${shown}" stands inside what it names`
          : `the alias "*${shown}" names no earlier anchor`
      const hint =
        target === 'open'
          ? 'write out what is meant: a value cannot hold itself'
          : 'quote it, if it is not meant as an alias'
      faults.add('yaml.invalid', message, { place: placeOf(range), hint })
      return nothing(range, false, key)
    }
    expanded += target.size
    if (expanded > expandedLimit) {
      throw new BkpError('yaml.limit', 'the aliases of the file expand to too much', {
        hint: `at most ${expandedLimit} values are read`,
        place: placeOf(range),
      })
    }
    return { ...target, position: { ...target.position, key } }
  }

  const convertScalar = (
    node: Scalar,
    range: Range,
    key: Range | undefined,
    credential: boolean,
  ): Converted => {
    const style = styles[node.type ?? 'PLAIN'] ?? 'plain'
    if (credential && range[1] > range[0]) lines.maskRange(range)
    const position: Position = { key, value: range, style, credential, children: new Map() }
    if (vaultTags.includes(node.tag ?? '')) {
      return { value: decrypted(String(node.value), range), position, size: 1 }
    }
    const value =
      style === 'plain' && node.tag === undefined ? readPlain(node, range, credential) : node.value
    if (unsafe > 0 && typeof value === 'string') {
      // Text with braces is not taken for a credential as it stands.
      if (credential && value !== '') vault?.register(new Secret(value))
      return { value: literalText(value), position: { ...position, unsafe: true }, size: 1 }
    }
    return { value, position, size: 1 }
  }

  const decrypted = (vaultText: string, range: Range): Secret | null => {
    try {
      if (vault === undefined) throw new BkpError('secret.unresolved', noVault)
      const secret = new Secret(decodeText(vault.decrypt(vaultText)))
      vault.register(secret)
      return secret
    } catch (error) {
      if (!(error instanceof BkpError)) throw error
      faults.add(error.code, `the value cannot be read: ${error.message}`, {
        hint: error.hint ?? 'name the secret as { env: NAME } or { file: PATH }',
        place: placeOf(range),
      })
      return null
    }
  }

  const readPlain = (node: Scalar, range: Range, credential: boolean): unknown => {
    const source = node.source ?? ''
    const shown = credential ? mask : source
    const old = flavour === 'inventory' && !isJson
    const number = old ? readOldNumber(source) : undefined
    if (number?.isSexagesimal) {
      const { file, line, column } = lines.place(range[0])
      warnings.push(
        `${file}:${line}:${column}: ${shown} is ${credential ? mask : number.value} to Ansible, which counts in sixties; read so: quote it, if text is meant`,
      )
      return number.value
    }
    if (typeof node.value === 'string') {
      return old ? (oldBooleans.get(source) ?? number?.value ?? node.value) : node.value
    }
    if (typeof node.value !== 'number') return node.value
    if (!Number.isFinite(node.value)) {
      faults.add('yaml.invalid', `"${shown}" is not a number that bkp takes`, {
        hint: `quote it, if text is meant: "${shown}"`,
        place: placeOf(range),
      })
      return null
    }
    if (/^[-+]?0[0-9]+$/.test(source)) {
      if (flavour === 'inventory') {
        const { file, line, column } = lines.place(range[0])
        warnings.push(
          `${file}:${line}:${column}: ${shown} is octal to Ansible and decimal to YAML 1.2; read as text: quote it`,
        )
        return source
      }
      faults.add(
        'yaml.invalid',
        `${shown} is octal to some readers of YAML and decimal to others`,
        {
          hint: `quote it: "${shown}"`,
          place: placeOf(range),
        },
      )
      return source
    }
    if (/^[-+]?(\d+|0x[\da-f]+|0o[0-7]+)$/i.test(source) && !Number.isSafeInteger(node.value)) {
      faults.add('yaml.invalid', `${shown} is larger than a number can hold exactly`, {
        hint: `quote it, if text is meant: "${shown}"`,
        place: placeOf(range),
      })
    }
    return old ? (number?.value ?? source) : node.value
  }

  const convertList = (
    items: readonly unknown[],
    range: Range,
    key: Range | undefined,
    credential: boolean,
  ): Converted => {
    const values: unknown[] = []
    const children = new Map<number, Position>()
    let size = 1
    for (const [index, item] of items.entries()) {
      // `[a: 1]` is a pair standing as an item: a map of one key.
      const converted = isPair(item)
        ? convertMap([item], rangeOf(item.key, range), undefined, credential)
        : convert(item, range, undefined, credential)
      values.push(converted.value)
      children.set(index, converted.position)
      size += converted.size
    }
    return {
      value: Object.freeze(values),
      position: { key, value: range, style: undefined, credential, children },
      size,
    }
  }

  const keyText = (node: unknown, range: Range): string | undefined => {
    if (isScalar(node)) {
      const name = node.source ?? String(node.value ?? '')
      if (name !== '' || node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') return name
      faults.add('yaml.invalid', 'a key is empty', { place: placeOf(range) })
      return undefined
    }
    const place = placeOf(range)
    if (isMap(node) && text.startsWith('{', range[0])) {
      faults.add('yaml.invalid', 'a value that begins with {{ must be quoted', {
        place,
        hint: 'quote it: "{{ ... }}"',
      })
    } else faults.add('yaml.invalid', 'a key must be text', { place })
    return undefined
  }

  const convertMap = (
    pairs: readonly unknown[],
    range: Range,
    key: Range | undefined,
    credential: boolean,
  ): Converted => {
    const value: Record<string, unknown> = Object.create(null)
    const children = new Map<string, Position>()
    const merged: Converted[] = []
    let size = 1
    for (const pair of pairs) {
      if (!isPair(pair)) continue
      const keyRange = rangeOf(pair.key, range)
      const name = keyText(pair.key, keyRange)
      if (name === undefined) continue
      if (name === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merged.push(...mergeSources(pair.value, keyRange))
        continue
      }
      if (refusedKeys.has(name)) {
        faults.add('yaml.invalid', `the key "${name}" is not accepted`, {
          hint: 'take another name: this one is part of the language bkp is written in',
          place: placeOf(keyRange),
        })
        continue
      }
      const earlier = children.get(name)
      if (earlier !== undefined) {
        faults.add('yaml.invalid', `the key "${name}" appears twice`, {
          hint: `the first is on line ${lines.place(earlier.key?.[0] ?? 0).line}`,
          place: placeOf(keyRange),
        })
        continue
      }
      const secret = referenceKeys.has(name) ? false : credential || isCredentialKey(name)
      const converted = convert(pair.value, [keyRange[0], keyRange[1]], keyRange, secret)
      value[name] = converted.value
      children.set(name, converted.position)
      size += converted.size
    }
    for (const source of merged) {
      const from = source.value as Readonly<Record<string, unknown>>
      for (const [name, inner] of Object.entries(from)) {
        const position = source.position.children.get(name)
        if (Object.hasOwn(value, name) || position === undefined) continue
        value[name] = inner
        children.set(name, position)
      }
      size += source.size
    }
    return {
      value: Object.freeze(value),
      position: { key, value: range, style: undefined, credential, children },
      size,
    }
  }

  /** What `<<` brings in: a map or a list of maps, earlier ones first. */
  const mergeSources = (node: unknown, keyRange: Range): readonly Converted[] => {
    const nodes = isSeq(node) ? node.items : [node]
    return nodes.flatMap(item => {
      const converted = convert(item, keyRange, undefined, false)
      if (isPlainMap(converted.value)) return [converted]
      faults.add('yaml.invalid', '"<<" takes a map or a list of maps', { place: placeOf(keyRange) })
      return []
    })
  }

  return convert(document.contents, [0, 0], undefined, encrypted)
}

const noVault = 'it is encrypted by Ansible Vault, and no password was given'

/** The text of a decrypted value. @throws secret.unresolved for bytes that are not UTF-8 */
function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new BkpError('secret.unresolved', 'what was encrypted is no UTF-8 text')
  }
}

function isPlainMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
