import { join } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { didYouMean } from '../../../base/text.ts'
import type { Expression } from '../../../expression/contract.ts'
import { requireConfined } from '../../confine.ts'
import type { DocumentPath } from '../../yaml/tree-position.ts'
import { fault, type PlaybookContext } from '../context.ts'
import { readOnce, shownPath } from './inner-document.ts'
import { taskFolders } from './search-path.ts'

/** A name that is too open would make candidates of all there is. */
const extension = /\.(?:ya?ml|json)$/

/** False for a path that leads out of the playbook's folder, after a fault. */
export function isConfined(
  context: PlaybookContext,
  path: string,
  named: string,
  at: DocumentPath,
): boolean {
  const { folder } = context.standing.shared
  const place = context.document.place(at)
  try {
    requireConfined(path, { folder, owner: 'the playbook', named }, context.files, place)
    return true
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    context.faults.take(error)
    return false
  }
}

/** The file of tasks that a step names in plain text; undefined after a fault. */
export function findTasks(
  context: PlaybookContext,
  named: string,
  at: DocumentPath,
): string | undefined {
  const tried = taskFolders(context).map(folder => join(folder, named))
  const found = tried.find(path => context.files.kind(path) === 'file')
  const path = found ?? tried[0] ?? named
  if (!isConfined(context, path, named, at)) return undefined
  if (found !== undefined) return found
  const shown = tried.map(each => shownPath(context, each)).join(' or ')
  fault(context, `there is no file "${named}"`, at, {
    hint: nearFile(context, named) ?? `looked for ${shown}`,
  })
  return undefined
}

function nearFile(context: PlaybookContext, named: string): string | undefined {
  const folder = taskFolders(context).find(each => context.files.kind(each) === 'directory')
  return folder === undefined ? undefined : didYouMean(named, context.files.list(folder))
}

/** Literal text besides dots, slashes and the extension: what keeps a pattern from fitting everything. */
export function isTooOpen(pieces: readonly (string | Expression)[]): boolean {
  const last = pieces.at(-1)
  const literals = pieces.map((piece, index) => {
    if (typeof piece !== 'string') return ''
    return index === pieces.length - 1 && piece === last ? piece.replace(extension, '') : piece
  })
  return literals.join('').replace(/[./]/g, '') === ''
}

/** A pattern for one part of a path: every expression may stand for any text without a slash. */
interface Segment {
  /** Undefined where there is an expression in it. */
  readonly literal: string | undefined
  /** As messages show it. */
  readonly shown: string
  readonly pattern: RegExp
}

/** The parts of a path between its slashes. */
export function segmentsOf(pieces: readonly (string | Expression)[]): readonly Segment[] {
  const joined = pieces.map(piece => (typeof piece === 'string' ? piece : '\u0000')).join('')
  return joined.split('/').map(text => ({
    literal: text.includes('\u0000') ? undefined : text,
    shown: text.replaceAll('\u0000', '*'),
    pattern: new RegExp(
      `^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\u0000', '.*')}$`,
      's',
    ),
  }))
}

/** What fits in a folder: its path, and the text that leads to it. */
export function fitting(
  context: PlaybookContext,
  folder: string,
  segments: readonly Segment[],
  kind: 'file' | 'directory',
  way = '',
): readonly { readonly path: string; readonly text: string }[] {
  const [first, ...rest] = segments
  if (first === undefined) return []
  const { files } = context
  const names =
    first.literal !== undefined
      ? [first.literal]
      : files.kind(folder) === 'directory'
        ? files.list(folder).filter(name => !name.startsWith('.') && first.pattern.test(name))
        : []
  return names.flatMap(name => {
    const path = join(folder, name)
    const text = way === '' ? name : `${way}/${name}`
    if (rest.length > 0) return fitting(context, path, rest, kind, text)
    return files.kind(path) === kind ? [{ path, text }] : []
  })
}

/**
 * The files of tasks that a computed name may come to, by the text that it would be: those of the first
 * folder that has any. Undefined after a fault.
 */
export function findCandidates(
  context: PlaybookContext,
  pieces: readonly (string | Expression)[],
  at: DocumentPath,
): readonly { readonly path: string; readonly text: string }[] | undefined {
  if (isTooOpen(pieces)) {
    fault(context, 'which files this may come to cannot be told: all of it is computed', at, {
      hint: 'keep a part of the name in plain text, such as setup-{{ os }}.yml',
    })
    return undefined
  }
  const segments = segmentsOf(pieces)
  for (const folder of taskFolders(context)) {
    const found = fitting(context, folder, segments, 'file').filter(({ path }) => isYaml(path))
    if (!found.every(({ path, text }) => isConfined(context, path, text, at))) return undefined
    const place = context.document.place(at)
    const lists = found.filter(({ path }) => {
      const document = readOnce(context, path, place)
      return document === undefined || isTaskList(document.value)
    })
    if (lists.length > 0) return lists
  }
  const [folder = ''] = taskFolders(context).map(each => shownPath(context, each))
  fault(context, 'no file of tasks fits this name', at, {
    hint: `looked for ${segments.map(({ shown }) => shown).join('/')} in ${folder}`,
  })
  return undefined
}

function isYaml(path: string): boolean {
  return extension.test(path) || !/\.[^/]*$/.test(path)
}

function isTaskList(value: unknown): boolean {
  return value === null || Array.isArray(value)
}
