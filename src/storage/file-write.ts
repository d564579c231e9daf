import { dirname, join } from 'node:path'
import type { RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import { errnoOf } from './file-errors.ts'
import type { FileSystem } from './file-system.ts'
import { temporaryPrefix } from './key.ts'

/** A file under a temporary name, in the folder it will be named in. */
export interface TemporaryFile {
  readonly path: string
  /** Writes and syncs; resolves to the bytes written. After a failed sync the file counts as lost. */
  fill(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, io: Io): Promise<number>
  /** Said when the temporary name was moved away: nothing is left to be removed. */
  moved(): void
  /** Removes the temporary name, whatever became of the file. */
  remove(): Promise<void>
}

/** Creates a temporary file that only this user can read. */
export async function createTemporary(
  fs: FileSystem,
  folder: string,
  random: RandomBytes,
): Promise<TemporaryFile> {
  const path = join(folder, `${temporaryPrefix}${Buffer.from(random(12)).toString('hex')}`)
  const handle = await fs.open(path, 'wx', 0o600)
  let open = true
  let named = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    await handle.close()
  }
  return Object.freeze({
    path,
    fill: async (source, io) => {
      let written = 0
      try {
        for await (const part of source) {
          io.signal.throwIfAborted()
          for (let done = 0; done < part.length; ) {
            const { bytesWritten } = await handle.write(part, done, part.length - done)
            done += bytesWritten
          }
          written += part.length
        }
        // Never again on the same file: after an error the kernel may report success for lost pages.
        await handle.sync()
      } finally {
        await close()
      }
      return written
    },
    moved: () => {
      named = false
    },
    remove: async () => {
      try {
        await close()
        if (named) await fs.unlink(path)
      } catch {
        // Renamed away, or the disk is failing: a leftover is never listed and is swept later.
      }
    },
  } satisfies TemporaryFile)
}

/**
 * Makes the names in a folder durable, of all who ask at the same time by one sync: one that begins
 * after a name was made covers it, one that was under way already may not.
 */
export function createFolderSync(fs: FileSystem): (folder: string) => Promise<void> {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()
  const begin = (folder: string): Promise<void> => {
    const sync = syncFolder(fs, folder).finally(() => {
      if (running.get(folder) === sync) running.delete(folder)
    })
    running.set(folder, sync)
    return sync
  }
  return folder => {
    const current = running.get(folder)
    if (current === undefined) return begin(folder)
    const joined = waiting.get(folder)
    if (joined !== undefined) return joined
    const next = current
      .catch(() => {})
      .then(() => {
        waiting.delete(folder)
        return begin(folder)
      })
    waiting.set(folder, next)
    return next
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // File systems that cannot sync a folder say so; there is nothing more to do on them.
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOTSUP') throw error
  } finally {
    await handle.close()
  }
}

/**
 * Makes folders, each one's name durable: its parent is synced once in this process, also where
 * another process made it and may have died before its own sync.
 */
export function createFolders(
  fs: FileSystem,
  root: string,
  sync: (folder: string) => Promise<void>,
): (folder: string) => Promise<void> {
  const durable = new Map<string, Promise<void>>()
  const ensure = (folder: string): Promise<void> => {
    const known = durable.get(folder)
    if (known !== undefined) return known
    const made = make(folder)
    durable.set(folder, made)
    // A failure is not remembered: the next write tries again.
    made.catch(() => durable.delete(folder))
    return made
  }
  const make = async (folder: string): Promise<void> => {
    if (folder === root) return await makeRoot(fs, root)
    await ensure(dirname(folder))
    try {
      await fs.mkdir(folder, { mode: 0o700 })
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    await sync(dirname(folder))
  }
  return ensure
}

/** The storage's own folder. Folders above it that were there before are not ours to sync. */
async function makeRoot(fs: FileSystem, root: string): Promise<void> {
  const first = await fs.mkdir(root, { mode: 0o700, recursive: true })
  if (first === undefined) return
  for (let folder = root; folder.length >= first.length; folder = dirname(folder)) {
    await syncFolder(fs, dirname(folder))
  }
}
