import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { BkpError } from '../base/errors.ts'

/** How the runbook reads files of the controller; a parameter, so that tests have none. */
export interface FileAccess {
  /** Undefined when there is nothing at the path. @throws usage.file_missing when that is hidden */
  kind(path: string): 'file' | 'directory' | undefined
  /** The whole file. @throws usage.file_missing */
  read(path: string): Uint8Array
  /** Names in a directory, sorted. @throws usage.file_missing */
  list(path: string): readonly string[]
  /** The path with symbolic links resolved. @throws usage.file_missing */
  real(path: string): string
}

function missing(path: string, cause: unknown): BkpError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
  return new BkpError('usage.file_missing', `${path} cannot be read (${code})`, { cause })
}

function orMissing<T>(path: string, access: () => T): T {
  try {
    return access()
  } catch (error) {
    throw missing(path, error)
  }
}

/** The controller's own file system. */
export const systemFiles: FileAccess = Object.freeze({
  kind: (path: string) => {
    // Nothing there is an answer; a folder that may not be entered or a link to itself is not.
    const stats = orMissing(path, () => statSync(path, { throwIfNoEntry: false }))
    return stats === undefined ? undefined : stats.isDirectory() ? 'directory' : 'file'
  },
  read: (path: string) => orMissing(path, () => readFileSync(path)),
  list: (path: string) => orMissing(path, () => readdirSync(path).sort()),
  real: (path: string) => orMissing(path, () => realpathSync(path)),
})
