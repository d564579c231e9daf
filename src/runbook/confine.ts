import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { BkpError, type Place } from '../base/errors.ts'
import type { FileAccess } from './file-access.ts'

/** True when a path is the directory or below it. */
function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path)
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith(`..${sep}`))
}

/**
 * Throws where a path leads out of a folder, symbolic links included: a playbook must not read
 * /etc/shadow. `owner` says whose folder it is.
 * @throws schema.invalid, usage.file_missing
 */
export function requireConfined(
  path: string,
  to: { readonly folder: string; readonly owner: string; readonly named: string },
  files: FileAccess,
  place: Place,
): void {
  const { folder, owner, named } = to
  const isThere = files.kind(path) !== undefined
  if (isBelow(folder, path) && !isThere) return
  if (isBelow(folder, path) && isBelow(files.real(folder), files.real(path))) return
  throw new BkpError('schema.invalid', `"${named}" lies outside of the folder of ${owner}`, {
    hint: `files must stay below ${folder}`,
    place,
  })
}

/**
 * The path of a file that a document names, relative to the document's folder. Includes stay below
 * that folder.
 * @throws schema.invalid, usage.file_missing
 */
export function confinedPath(
  document: string,
  named: string,
  files: FileAccess,
  place: Place,
): string {
  const folder = dirname(resolve(document))
  const path = resolve(folder, named)
  requireConfined(path, { folder, owner: document, named }, files, place)
  if (files.kind(path) !== 'file') {
    throw new BkpError('usage.file_missing', `there is no file "${named}"`, {
      hint: `looked for ${path}`,
      place,
    })
  }
  return path
}
