import type { BkpErrorOptions, ErrorCode } from '../../base/errors.ts'
import type { Tree, Variables } from '../../expression/contract.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import type { Condition, SecretSources, SourceDocument } from '../contract.ts'
import type { Faults } from '../faults.ts'
import type { FileAccess } from '../file-access.ts'
import { compileValue } from '../inventory/variables.ts'
import { validateAt } from '../schema/validate.ts'
import type { KeywordSchemas } from '../schema-files.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import { type KeywordOwner, unsupportedKeyword } from './keywords.ts'

/** What reading a playbook needs, and where it tells of faults. */
export interface PlaybookContext {
  readonly document: YamlDocument
  readonly catalogue: ModuleCatalogue
  readonly keywords: KeywordSchemas
  readonly files: FileAccess
  readonly secrets: SecretSources
  readonly faults: Faults
  readonly warnings: string[]
  readonly documents: SourceDocument[]
  /** Where arguments stand, by the id of the task or lock: checks against the inventory come later. */
  readonly argumentPaths: Map<string, DocumentPath>
}

/** What plays and blocks hand down to the steps in them. */
export interface Inherited {
  readonly when: readonly Condition[]
  readonly vars: readonly Variables[]
  readonly ignoreErrors: Condition
  readonly anyErrorsFatal: boolean
  readonly runOnce: boolean
  readonly noLog: boolean
  readonly become?: Condition
  readonly becomeUser?: Tree
  /** Of the block, not of the play: a play's limit is on all of its steps together. */
  readonly timeoutMs: number | undefined
  readonly tags: readonly string[]
}

/** A map of the document and its path. */
export interface Entry {
  readonly value: Readonly<Record<string, unknown>>
  readonly path: DocumentPath
}

/** Adds a fault at a place of the playbook. */
export function fault(
  context: PlaybookContext,
  message: string,
  path: DocumentPath,
  options: {
    readonly at?: 'key' | 'value'
    readonly hint?: string
    readonly code?: ErrorCode
  } = {},
): void {
  const { at = 'value', hint, code = 'schema.invalid' } = options
  const place = context.document.place(path, at)
  const rest: BkpErrorOptions = hint === undefined ? { place } : { place, hint }
  context.faults.add(code, message, rest)
}

/**
 * Checks the keywords of a play, block or task: values by their schema, names by the lists of what
 * is known. Keywords that are not supported yet are told as such, not as unknown.
 */
export function checkKeywords(context: PlaybookContext, entry: Entry, owner: KeywordOwner): void {
  const article = `a ${owner}`
  const known: Record<string, unknown> = Object.create(null)
  for (const [keyword, value] of Object.entries(entry.value)) {
    const unsupported = unsupportedKeyword(owner, keyword)
    if (unsupported === undefined) known[keyword] = value
    else {
      const { message, hint } = unsupported
      const at = 'key' as const
      fault(context, message, [...entry.path, keyword], hint === undefined ? { at } : { at, hint })
    }
  }
  const subject = { noun: 'keyword', of: article }
  const schema = context.keywords[owner]
  for (const each of validateAt(schema, known, subject, context.document, entry.path)) {
    context.faults.take(each)
  }
}

/** Names of the keywords of an owner. */
export function keywordNames(context: PlaybookContext, owner: KeywordOwner): readonly string[] {
  return Object.keys((context.keywords[owner]['properties'] ?? {}) as object)
}

/** A value with its `{{ }}` compiled; undefined when there is none, or after a fault. */
export function treeAt(context: PlaybookContext, entry: Entry, key: string): Tree | undefined {
  const value = entry.value[key]
  if (value === undefined || value === null) return undefined
  return compileValue(context.document, value, [...entry.path, key], context.faults)
}

/** A keyword that must be true or false when the playbook is read. */
export function flagAt(
  context: PlaybookContext,
  entry: Entry,
  key: string,
  otherwise: boolean,
): boolean {
  const value = entry.value[key]
  if (typeof value === 'boolean') return value
  if (typeof value === 'string' && value.includes('{{')) {
    fault(context, `"${key}" must be true or false, and cannot be computed`, [...entry.path, key])
  }
  return otherwise
}

/** Tags as a list; they are names, not expressions. */
export function tagsAt(entry: Entry): readonly string[] {
  const value = entry.value['tags']
  const words = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : []
  return words.map(word => String(word).trim()).filter(word => word !== '')
}
