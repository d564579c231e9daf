import { extname, join } from 'node:path'
import type { Variables } from '../../../expression/contract.ts'
import { mergeVariables, readVariables } from '../../inventory/variables.ts'
import { describeKind } from '../../schema/messages.ts'
import { fault, type PlaybookContext } from '../context.ts'
import { isConfined } from '../including/find-tasks.ts'
import { journal, readOnce, shownPath } from '../including/inner-document.ts'
import { checkVariableName } from '../names.ts'
import type { NamedRole } from './entry.ts'

/** Files of a role other than `main`, by their folders. */
export type RoleFrom = Readonly<Partial<Record<RolePart, string>>>

export type RolePart = 'defaults' | 'handlers' | 'tasks' | 'vars'

const extensions = ['.yml', '.yaml', '.json']

/**
 * The file of a part of a role, `main` or the one that was asked for, or for variables the folder of that
 * name; undefined where there is none. A file that was asked for by name must be there.
 */
function partOf(
  { context, from, path: at, args }: NamedRole,
  role: string,
  part: RolePart | 'meta',
): string | undefined {
  const named = part === 'meta' ? undefined : from[part]
  const path = named === undefined || args === undefined ? at : [...args, `${part}_from`]
  const folder = join(role, part)
  const base = join(folder, named ?? 'main')
  if (named !== undefined && !isBelow(folder, base)) {
    fault(context, `"${named}" lies outside of the folder ${part} of the role`, path)
    return undefined
  }
  const suffixes = named === undefined ? [...extensions, ''] : ['', ...extensions]
  const mayBeFolder = part === 'vars' || part === 'defaults'
  const found = suffixes
    .map(suffix => `${base}${suffix}`)
    .find(each => {
      const kind = context.files.kind(each)
      return kind === 'file' || (kind === 'directory' && mayBeFolder && each === base)
    })
  if (found === undefined && named !== undefined) {
    fault(context, `the role has no file "${part}/${named}"`, path, {
      hint: `looked in ${shownPath(context, folder)}`,
    })
  }
  if (found !== undefined && !isConfined(context, found, named ?? `${part}/main`, path)) return
  return found
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`)
}

/** The file of a role that holds a list or the map of `meta`; undefined where there is none. */
export function roleFile(
  named: NamedRole,
  role: string,
  part: 'handlers' | 'meta' | 'tasks',
): string | undefined {
  return partOf(named, role, part)
}

/** The variables that a role brings, none where it has no such file. */
export function roleVariables(
  named: NamedRole,
  role: string,
  part: 'defaults' | 'vars',
): Variables {
  const found = partOf(named, role, part)
  if (found === undefined) return new Map()
  const { files } = named.context
  const all = files.kind(found) === 'directory' ? filesBelow(named.context, found) : [found]
  return mergeVariables(all.map(file => variablesOf(named, file)))
}

/** Files of a folder of variables, in the order of their names; hidden ones and copies left out. */
function filesBelow(context: PlaybookContext, folder: string): readonly string[] {
  return context.files
    .list(folder)
    .filter(name => !name.startsWith('.') && !name.endsWith('~'))
    .flatMap(name => {
      const path = join(folder, name)
      const suffix = extname(name)
      if (context.files.kind(path) === 'directory') {
        return suffix === '' ? filesBelow(context, path) : []
      }
      return suffix === '' || extensions.includes(suffix) ? [path] : []
    })
}

function variablesOf({ context, path }: NamedRole, file: string): Variables {
  if (!isConfined(context, file, shownPath(context, file), path)) return new Map()
  const document = readOnce(context, file, context.document.place(path), 'inventory')
  if (document === undefined) return new Map()
  journal(context, document)
  const { value } = document
  const inner: PlaybookContext = { ...context, document }
  if (value !== null && (typeof value !== 'object' || Array.isArray(value))) {
    fault(inner, `the variables of a role must be a map, not ${describeKind(value)}`, [])
    return new Map()
  }
  for (const name of Object.keys(value ?? {})) checkVariableName(inner, name, [name], 'key')
  return readVariables(document, value, [], inner)
}
