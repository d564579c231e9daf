import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { BkpError } from '../base/errors.ts'

/** How the runbook reads files of the controller; a parameter, so that tests have none. */
export interface FileAccess {
  /** Undefined when there is nothing at the path. */
  kind(path: string): 'file' | 'directory' | undefined
  /** The whole file. @throws usage.file_missing */
  read(path: string): Uint8Array
  /** Names in a directory, sorted. @throws usage.file_missing */
  list(path: string): readonly string[]
  /** The path with symbolic links resolved. */
  real(path: string): string
}

function missing(path: string, cause: unknown): BkpError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
  return new BkpError('usage.file_missing', `${path} cannot be read (${code})`, { cause })
}

/** The controller's own file system. */
export const systemFiles: FileAccess = Object.freeze({
  kind: (path: string) => {
    const stats = statSync(path, { throwIfNoEntry: false })
    return stats === undefined ? undefined : stats.isDirectory() ? 'directory' : 'file'
  },
  read: (path: string) => {
    try {
      return readFileSync(path)
    } catch (error) {
      throw missing(path, error)
    }
  },
  list: (path: string) => {
    try {
      return readdirSync(path).sort()
    } catch (error) {
      throw missing(path, error)
    }
  },
  real: (path: string) => realpathSync(path),
})
