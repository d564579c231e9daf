import type { Io } from '../../base/io.ts'
import type { Requests } from './requests.ts'

/** Directories that are there: each is made once in this process. */
export interface Folders {
  ensure(paths: readonly string[], io: Io): Promise<void>
}

export function createFolders(requests: Requests): Folders {
  const made = new Map<string, Promise<void>>()
  const make = (path: string, io: Io): Promise<void> => {
    const making = requests.send(`making the directory ${path}`, io, (wire, signal) =>
      wire.makeFolder(path, signal),
    )
    made.set(path, making)
    // A failure is not remembered: the next write tries again.
    making.catch(() => made.delete(path))
    return making
  }
  const ensure = async (path: string, io: Io): Promise<void> => {
    const known = made.get(path)
    if (known === undefined) return await make(path, io)
    try {
      await known
    } catch {
      // Whoever began may have been stopped: that is not for others.
      io.signal.throwIfAborted()
      await make(path, io)
    }
  }
  return Object.freeze({
    ensure: async (paths, io) => {
      io.signal.throwIfAborted()
      await Promise.all(paths.map(path => ensure(path === '' ? '/' : path, io)))
    },
  } satisfies Folders)
}
