import { basename, dirname, isAbsolute, join } from 'node:path'
import { didYouMean } from '../../../base/text.ts'
import type { Expression } from '../../../expression/contract.ts'
import { fault, type PlaybookContext } from '../context.ts'
import { fitting, isConfined, isTooOpen, segmentsOf } from '../including/find-tasks.ts'
import { shownPath } from '../including/inner-document.ts'
import type { NamedRole } from './entry.ts'

/** A role that was found: its name as tasks show it, and its absolute folder. */
export interface FoundRole {
  readonly name: string
  readonly path: string
}

/** Where roles are looked for; the first folder that has one counts. */
function roleFolders({ standing: { folder, role } }: PlaybookContext): readonly string[] {
  const beside = role === undefined ? [] : [dirname(role.scope.path)]
  return [...new Set([join(folder, 'roles'), ...beside, folder])]
}

/** A role by its name, or by its path from the playbook; undefined after a fault. */
export function findRole({ context, path }: NamedRole, name: string): FoundRole | undefined {
  const tried = isAbsolute(name) ? [name] : roleFolders(context).map(each => join(each, name))
  const found = tried.find(each => context.files.kind(each) === 'directory')
  if (found !== undefined) {
    if (!isConfined(context, found, name, path)) return undefined
    return { name: isAbsolute(name) || name.startsWith('.') ? basename(found) : name, path: found }
  }
  const [first = ''] = roleFolders(context)
  const known = context.files.kind(first) === 'directory' ? context.files.list(first) : []
  const shown = tried.map(each => shownPath(context, each)).join(', ')
  fault(context, `there is no role "${name}"`, path, {
    hint: didYouMean(name, known) ?? `looked for ${shown}`,
  })
  return undefined
}

/** The roles that a computed name may come to; undefined after a fault. */
export function findRoles(
  { context, path }: NamedRole,
  pieces: readonly (string | Expression)[],
): readonly FoundRole[] | undefined {
  if (isTooOpen(pieces)) {
    fault(context, 'which roles this may come to cannot be told: all of it is computed', path, {
      hint: 'keep a part of the name in plain text, such as setup-{{ os }}',
    })
    return undefined
  }
  const segments = segmentsOf(pieces)
  for (const folder of roleFolders(context)) {
    const found = fitting(context, folder, segments, 'directory')
    if (!found.every(each => isConfined(context, each.path, each.text, path))) return undefined
    if (found.length > 0) return found.map(each => ({ name: each.text, path: each.path }))
  }
  fault(context, 'no role fits this name', path, {
    hint: `looked in ${roleFolders(context)
      .map(each => shownPath(context, each))
      .join(', ')}`,
  })
  return undefined
}
