import type { Io } from '../../base/io.ts'
import type { Requests } from './requests.ts'

/** Directories that are there: each is made once in this process. */
export interface Folders {
  ensure(doing: string, paths: readonly string[], io: Io): Promise<void>
}

export function createFolders(requests: Requests): Folders {
  const made = new Map<string, Promise<void>>()
  const ensure = (doing: string, path: string, io: Io): Promise<void> => {
    const known = made.get(path)
    if (known !== undefined) return known
    const making = requests.send(doing, io, (wire, signal) => wire.makeFolder(path, signal))
    made.set(path, making)
    // A failure is not remembered, nor that whoever began was stopped: the next write tries again.
    making.catch(() => made.delete(path))
    return making
  }
  return Object.freeze({
    ensure: async (doing, paths, io) => {
      io.signal.throwIfAborted()
      await Promise.all(paths.map(path => ensure(doing, path === '' ? '/' : path, io)))
    },
  } satisfies Folders)
}
