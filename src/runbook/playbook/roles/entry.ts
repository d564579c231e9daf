import { isRecord } from '../../../base/json.ts'
import type { Tree, Variables } from '../../../expression/contract.ts'
import { compileValue, readVariables } from '../../inventory/variables.ts'
import { describeKind } from '../../schema/messages.ts'
import type { DocumentPath } from '../../yaml/tree-position.ts'
import { checkKeywords, type Entry, fault, keywordNames, type PlaybookContext } from '../context.ts'
import { checkVariableName } from '../names.ts'
import { variablesAt } from '../variables.ts'
import type { RoleFrom } from './files.ts'

/** A role as a list of roles, a dependency or a task names it. */
export interface NamedRole {
  /** The file it is named in. */
  readonly context: PlaybookContext
  readonly name: Tree
  /** Where its name stands. */
  readonly path: DocumentPath
  /** What its tasks inherit from here; `vars` stands by itself. */
  readonly keywords: Entry
  readonly given: Variables
  readonly params: Variables
  readonly from: RoleFrom
  /** Where the arguments stand that name other files than main. */
  readonly args?: DocumentPath
  /** As it is written: roles whose texts are the same are one role. */
  readonly written: unknown
  /** It runs as often as it is named. */
  readonly repeats: boolean
}

/** An entry of `roles:` or of `dependencies:`; undefined after a fault. */
export function roleEntry(
  context: PlaybookContext,
  value: unknown,
  path: DocumentPath,
): NamedRole | undefined {
  if (typeof value === 'string' || typeof value === 'number') {
    const empty: Entry = { value: {}, path }
    return namedRole(context, String(value), path, empty, {})
  }
  if (!isRecord(value)) {
    fault(context, `a role must be a name or a map, not ${describeKind(value)}`, path, {
      hint: 'write "- name_of_the_role", or "- role: name_of_the_role" and what it is given below',
    })
    return undefined
  }
  const key = Object.hasOwn(value, 'role') ? 'role' : 'name'
  const { [key]: name, ...rest } = value
  if (typeof name !== 'string' || name === '') {
    fault(context, 'a role needs a name', Object.hasOwn(value, key) ? [...path, key] : path, {
      hint: 'write "role: name_of_the_role"',
    })
    return undefined
  }
  const known = keywordNames(context, 'role')
  const isKeyword = ([each]: readonly [string, unknown]) => known.includes(each)
  const keywords: Entry = {
    value: Object.fromEntries(Object.entries(rest).filter(isKeyword)),
    path,
  }
  const params = Object.fromEntries(Object.entries(rest).filter(each => !isKeyword(each)))
  return namedRole(context, name, [...path, key], keywords, params)
}

function namedRole(
  context: PlaybookContext,
  name: string,
  path: DocumentPath,
  keywords: Entry,
  params: Readonly<Record<string, unknown>>,
): NamedRole | undefined {
  checkKeywords(context, keywords, 'role')
  for (const each of Object.keys(params)) {
    checkVariableName(context, each, [...keywords.path, each], 'key')
  }
  const tree = compileValue(context.document, name, path, context.faults)
  if (tree === undefined) return undefined
  const { vars, when, tags } = keywords.value
  return {
    context,
    name: tree,
    path,
    keywords: { ...keywords, value: { ...keywords.value, vars: undefined } },
    given: variablesAt(context, keywords),
    params: readVariables(context.document, params, keywords.path, context),
    from: {},
    written: { params, vars, when, tags },
    repeats: false,
  }
}
