import type { BkpErrorOptions, ErrorCode, Place } from '../../base/errors.ts'
import type { Tree } from '../../expression/contract.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import type { SecretSources, SourceDocument, Task } from '../contract.ts'
import type { Faults } from '../faults.ts'
import type { FileAccess } from '../file-access.ts'
import type { VariableOrigins } from '../inventory/origins.ts'
import { compileValue } from '../inventory/variables.ts'
import { validateAt } from '../schema/validate.ts'
import type { KeywordSchemas } from '../schema-files.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import type { Standing } from './including/standing.ts'
import { isWithoutEffect, type KeywordOwner, unsupportedKeyword } from './keywords.ts'

/** What reading a playbook needs, and where it tells of faults. */
export interface PlaybookContext {
  readonly document: YamlDocument
  readonly catalogue: ModuleCatalogue
  readonly keywords: KeywordSchemas
  readonly files: FileAccess
  readonly secrets: SecretSources
  readonly faults: Faults
  readonly warnings: string[]
  /** Told where each variable was written, where somebody wants to know. */
  readonly origins?: VariableOrigins
  readonly documents: SourceDocument[]
  /** Handlers that tasks name; those of one play at a time. */
  readonly notified: Notified[]
  /** Where arguments stand, by the id of the task or lock: checks against the inventory come later. */
  readonly argumentPaths: Map<
    string,
    { readonly document: YamlDocument; readonly path: DocumentPath }
  >
  /** Where the file that is read stands in its playbook. */
  readonly standing: Standing
}

/** Fields of a task that what encloses it may set. */
type Inheritable =
  | 'when'
  | 'vars'
  | 'ignoreErrors'
  | 'anyErrorsFatal'
  | 'runOnce'
  | 'noLog'
  | 'become'
  | 'becomeUser'
  | 'tags'
  | 'delegateTo'
  | 'delegateFacts'
  | 'throttle'
  | 'environment'
  | 'ignoreUnreachable'
  | 'notify'
  | 'checkMode'
  | 'diff'
  | 'reach'

/** What plays and blocks hand down to the steps in them. */
export interface Inherited extends Pick<Task, Inheritable> {
  /** Of the block, not of the play: a play's limit is on all of its steps together. */
  readonly timeoutMs: number | undefined
  /** Arguments of modules where a task gives none, lowest first. */
  readonly moduleDefaults: readonly ModuleDefaults[]
}

/** `module_defaults` of a play, block or task. */
export interface ModuleDefaults {
  readonly context: PlaybookContext
  /** By the name of the module, as it is called here. */
  readonly modules: ReadonlyMap<string, Entry>
}

/** A handler that a task names in plain text, to be looked for when all of the play was read. */
export interface Notified {
  readonly name: string
  readonly place: Place
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

/** Tells of something that is no fault, with its place. */
export function warn(
  context: PlaybookContext,
  message: string,
  path: DocumentPath,
  at: 'key' | 'value' = 'key',
): void {
  context.warnings.push(atPlace(context.document.place(path, at), message))
}

/** A warning as it is told: where, and what. */
export function atPlace({ file, line, column }: Place, message: string): string {
  return `${file}:${line}:${column}: ${message}`
}

/** How messages call an owner whose name is not a word for it. */
const articles: Readonly<Partial<Record<KeywordOwner, string>>> = {
  apply: '"apply"',
  import: 'an import',
  import_playbook: 'an import of a playbook',
  include: 'an include',
  meta: 'a meta task',
}

/**
 * Checks the keywords of a play, block or task: values by their schema, names by the lists of what
 * is known. Keywords that bkp knows and refuses are told as such, not as unknown; those without effect are
 * warned of.
 */
export function checkKeywords(context: PlaybookContext, entry: Entry, owner: KeywordOwner): void {
  const article = articles[owner] ?? `a ${owner}`
  const known: Record<string, unknown> = Object.create(null)
  for (const [keyword, value] of Object.entries(entry.value)) {
    if (isWithoutEffect(owner, keyword)) {
      warn(context, `the keyword "${keyword}" has no effect`, [...entry.path, keyword])
    }
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

/** Keeps where the arguments of a task or lock stand. */
export function rememberArguments(context: PlaybookContext, id: string, path: DocumentPath): void {
  context.argumentPaths.set(id, { document: context.document, path })
}
