import { basename, relative } from 'node:path'
import { BkpError, type Place } from '../../../base/errors.ts'
import { describeKind } from '../../schema/messages.ts'
import type { DocumentPath } from '../../yaml/tree-position.ts'
import { parseYaml, type YamlDocument } from '../../yaml/yaml-document.ts'
import { atPlace, fault, type PlaybookContext } from '../context.ts'

/** Files that lead to a file, at most. */
const deepest = 50

/** Lists of steps in one playbook, at most: a few files that include each other twice make millions. */
const mostLists = 10_000

/** A path as messages show it. */
export function shownPath({ standing }: PlaybookContext, file: string): string {
  return relative(standing.shared.folder, file) || basename(file)
}

/**
 * The context in which another file is read, or undefined after a fault: the file cannot be read, or it
 * leads back to itself. `path` is where it is named.
 */
export function enterDocument(
  context: PlaybookContext,
  file: string,
  path: DocumentPath,
): PlaybookContext | undefined {
  const { files, shared } = context.standing
  if (files.includes(file)) {
    const cycle = [...files.slice(files.indexOf(file)), file]
    const way = cycle.map(each => shownPath(context, each)).join(' -> ')
    fault(context, `"${shownPath(context, file)}" includes itself: ${way}`, path, {
      hint: 'write a loop, or a file for the part that is to be repeated',
    })
    return undefined
  }
  if (files.length >= deepest) {
    fault(context, `files include each other more than ${deepest} deep`, path)
    return undefined
  }
  shared.lists += 1
  if (shared.lists > mostLists) {
    if (shared.lists === mostLists + 1) {
      fault(context, `the playbook includes files more than ${mostLists} times`, path)
    }
    return undefined
  }
  const document = readOnce(context, file, context.document.place(path))
  if (document === undefined) return undefined
  journal(context, document)
  return { ...context, document, standing: { ...context.standing, files: [...files, file] } }
}

/** A file of the playbook, parsed once. Undefined after a fault. */
export function readOnce(
  context: PlaybookContext,
  file: string,
  place: Place,
  flavour: 'playbook' | 'inventory' = 'playbook',
): YamlDocument | undefined {
  const { read } = context.standing.shared
  const key = `${flavour} ${file}`
  if (read.has(key)) return read.get(key)
  const document = parsed(context, file, place, flavour)
  read.set(key, document)
  return document
}

function parsed(
  context: PlaybookContext,
  file: string,
  place: Place,
  flavour: 'playbook' | 'inventory',
): YamlDocument | undefined {
  try {
    const document = parseYaml(file, context.files.read(file), flavour, context.secrets)
    context.warnings.push(...document.warnings)
    return document
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    // Beside other faults of the playbook a file that cannot be read is one of them, not a usage error.
    if (error.code !== 'usage.file_missing') context.faults.take(error)
    else context.faults.add('schema.invalid', error.message, { place })
    return undefined
  }
}

/** Keeps a file that is part of the playbook with the run. */
export function journal({ documents }: PlaybookContext, { file, text }: YamlDocument): void {
  if (!documents.some(({ path }) => path === file)) documents.push({ path: file, text })
}

/** The list of steps that a file holds; undefined after a fault. Warns of a file without any. */
export function listOf(context: PlaybookContext, what: string): readonly unknown[] | undefined {
  const { value } = context.document
  if (Array.isArray(value) && value.length > 0) return value
  if (value === null || Array.isArray(value)) {
    const place = context.document.place([])
    context.warnings.push(atPlace(place, `the file of ${what} is empty`))
    return []
  }
  fault(context, `a file of ${what} must be a list, not ${describeKind(value)}`, [], {
    hint: 'begin each with "- name: ..."',
  })
  return undefined
}
