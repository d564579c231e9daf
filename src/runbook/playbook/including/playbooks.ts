import { dirname, join } from 'node:path'
import { isRecord } from '../../../base/json.ts'
import { compileValue, mergeVariables } from '../../inventory/variables.ts'
import { describeKind } from '../../schema/messages.ts'
import { conditionsAt } from '../conditions.ts'
import { checkKeywords, type Entry, fault, type PlaybookContext, tagsAt } from '../context.ts'
import { variablesAt } from '../variables.ts'
import { isConfined } from './find-tasks.ts'
import { enterDocument, shownPath } from './inner-document.ts'
import { ownFolder } from './search-path.ts'
import type { Standing } from './standing.ts'
import { staticText } from './static-text.ts'

/** A play, and the context of the file that it is written in. */
export interface PlayEntry {
  readonly context: PlaybookContext
  readonly entry: Entry
}

/** The plays of a file in their order, those of files that it imports among them. */
export function playsOf(context: PlaybookContext): readonly PlayEntry[] {
  const { value } = context.document
  if (!Array.isArray(value)) {
    const message =
      value === null
        ? 'the playbook is empty'
        : `a playbook must be a list of plays, not ${describeKind(value)}`
    fault(context, message, [], { hint: 'begin each play with "- hosts: ..."' })
    return []
  }
  if (value.length === 0) fault(context, 'the playbook has no plays', [])
  return value.flatMap((item, index) => {
    if (!isRecord(item)) {
      fault(context, `a play must be a map, not ${describeKind(item)}`, [index], {
        hint: 'write "- hosts: ..." and its tasks below',
      })
      return []
    }
    const entry: Entry = { value: item, path: [index] }
    const key = importKey(item)
    return key === undefined ? [{ context, entry }] : importPlaybook(context, entry, key)
  })
}

function importKey(item: Readonly<Record<string, unknown>>): string | undefined {
  return ['import_playbook', 'ansible.builtin.import_playbook'].find(key =>
    Object.hasOwn(item, key),
  )
}

/** The plays of another file; none after a fault. */
function importPlaybook(
  context: PlaybookContext,
  { value, path }: Entry,
  key: string,
): readonly PlayEntry[] {
  const { [key]: named, ...rest } = value
  const entry: Entry = { value: rest, path }
  checkKeywords(context, { value: { ...rest, import_playbook: named }, path }, 'import_playbook')
  const file = fileOf(context, entry, named, [...path, key])
  const inner = file === undefined ? undefined : enterDocument(context, file, [...path, key])
  if (file === undefined || inner === undefined) return []
  const imported = importedWith(context, entry)
  const standing: Standing = { ...inner.standing, folder: dirname(file), imported }
  return playsOf({ ...inner, standing })
}

function fileOf(
  context: PlaybookContext,
  entry: Entry,
  named: unknown,
  path: Entry['path'],
): string | undefined {
  // Other shapes were told by the schema of the keyword.
  if (typeof named !== 'string' || named === '') return undefined
  const tree = compileValue(context.document, named, path, context.faults)
  if (tree === undefined) return undefined
  const { extraVars } = context.standing.shared
  const text = staticText(tree, [variablesAt(context, entry), extraVars])
  if (text === undefined) {
    fault(context, 'the playbook must be known when this one is read', path, {
      hint: 'write its path, or use variables of -e alone',
    })
    return undefined
  }
  const file = join(ownFolder(context), text)
  if (!isConfined(context, file, text, path)) return undefined
  if (context.files.kind(file) === 'file') return file
  fault(context, `there is no playbook "${text}"`, path, {
    hint: `looked for ${shownPath(context, file)}`,
  })
  return undefined
}

/** What is said of the plays: of an import around this one, too, which wins over it. */
function importedWith(context: PlaybookContext, entry: Entry): NonNullable<Standing['imported']> {
  const { imported: outer } = context.standing
  return {
    when: [...(outer?.when ?? []), ...(conditionsAt(context, entry, 'when') ?? [])],
    vars: mergeVariables([variablesAt(context, entry), outer?.vars ?? new Map()]),
    tags: [...new Set([...(outer?.tags ?? []), ...tagsAt(entry)])],
  }
}
