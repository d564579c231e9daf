import { dirname, join, resolve } from 'node:path'
import type { Task } from '../../contract.ts'
import type { PlaybookContext } from '../context.ts'

/** Each once, in order. */
function distinct(folders: readonly string[]): readonly string[] {
  return [...new Set(folders)]
}

/** The folder of the file that is read. */
export function ownFolder({ document }: PlaybookContext): string {
  return dirname(resolve(document.file))
}

/** Roles around a file, innermost first. */
function rolePaths({ standing: { role } }: PlaybookContext): readonly string[] {
  if (role === undefined) return []
  return [role.scope.path, ...role.parents.map(({ scope }) => scope.path).reverse()]
}

/**
 * What its place gives to a task: the role it stands in, and the folders where files of the controller
 * are looked for: those of the roles, of its own file, of the playbook.
 */
export function standingOf(context: PlaybookContext): Pick<Task, 'role' | 'searchPath'> {
  const { role, folder } = context.standing
  return {
    ...(role === undefined ? {} : { role: role.scope }),
    searchPath: distinct([...rolePaths(context), ownFolder(context), folder]),
  }
}

/** Where the file of tasks that a step names is looked for; the first folder that has it counts. */
export function taskFolders(context: PlaybookContext): readonly string[] {
  const { role, section, folder } = context.standing
  const own = ownFolder(context)
  if (role === undefined) return distinct([own, folder])
  return distinct([own, join(role.scope.path, section), role.scope.path, folder])
}
