import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { BkpError, type Place } from '../base/errors.ts'
import type { FileAccess } from './file-access.ts'

/** True when a path is the directory or below it. */
function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path)
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith(`..${sep}`))
}

/**
 * The path of a file that a document names, relative to the document's folder. Includes stay below
 * that folder, symbolic links included: a playbook must not read /etc/shadow.
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
  const outside = () =>
    new BkpError('schema.invalid', `"${named}" lies outside of the folder of ${document}`, {
      hint: `files must stay below ${folder}`,
      place,
    })
  if (!isBelow(folder, path)) throw outside()
  if (files.kind(path) !== 'file') {
    throw new BkpError('usage.file_missing', `there is no file "${named}"`, {
      hint: `looked for ${path}`,
      place,
    })
  }
  if (!isBelow(files.real(folder), files.real(path))) throw outside()
  return path
}
