import { constants } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type RandomBytes, systemRandom } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { Key, ObjectInfo, Storage } from './contract.ts'
import { errnoOf, fileError } from './file-errors.ts'
import { flatPathOfKey, pathOfKey } from './file-layout.ts'
import { listFiles } from './file-list.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import {
  createFolderSync,
  createFolders,
  createTemporary,
  syncFolder,
  type TemporaryFile,
} from './file-write.ts'
import type { ListHow } from './list-how.ts'
import { notFound, wrongSize } from './memory.ts'
import { checkedRange, type Range } from './range.ts'

export interface FileStorageOptions {
  /** The folder that holds the objects; made on the first write. */
  readonly directory: string
  readonly fs?: FileSystem
  readonly random?: RandomBytes
}

/**
 * Objects as files of a local or mounted file system. Durable when a write resolves: the file, its
 * folder and every new folder above it were synced. Needs hard links: `link(2)` refuses an existing
 * name, `rename(2)` does not.
 */
export function createFileStorage(options: FileStorageOptions): Storage {
  const root = resolve(options.directory)
  const fs = options.fs ?? nodeFileSystem
  const random = options.random ?? systemRandom
  const url = pathToFileURL(root).href
  const syncNames = createFolderSync(fs)
  const ensureFolder = createFolders(fs, root, syncNames)

  const place = async (
    key: Key,
    source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    sizeBytes: number,
    io: Io,
    put: (temporary: TemporaryFile, target: string) => Promise<void>,
  ): Promise<void> => {
    io.signal.throwIfAborted()
    const target = join(root, pathOfKey(key))
    const folder = dirname(target)
    await ensureFolder(folder)
    const temporary = await createTemporary(fs, folder, random)
    try {
      const written = await temporary.fill(source, io)
      if (written !== sizeBytes) throw wrongSize(key, written, sizeBytes)
      await put(temporary, target)
      await syncNames(folder)
    } finally {
      await temporary.remove()
    }
  }

  const rename = async (temporary: TemporaryFile, target: string): Promise<void> => {
    await fs.rename(temporary.path, target)
    temporary.moved()
  }

  const storage: Storage = {
    url,
    capabilities: Object.freeze({ atomicCreate: true, presign: false, overwrite: true }),
    get: (key, io, range, buffer) => readObject({ fs, root, url }, key, io, range, buffer),
    list: (prefix, io, after) => listObjects(fs, { root, url }, prefix, io, { after }),
    listAll: (prefix, io, foreign) => listObjects(fs, { root, url }, prefix, io, { foreign }),
    head: (key, io) => headObject(fs, { root, url }, key, io),
    put: (key, bytes, io) =>
      guard(`writing ${key}`, url, io, () => place(key, [bytes], bytes.length, io, rename)),
    putStream: (key, source, sizeBytes, io) =>
      guard(`writing ${key}`, url, io, () => place(key, source, sizeBytes, io, rename)),
    putIfAbsent: (key, bytes, io) =>
      guard(`creating ${key}`, url, io, async () => {
        const flat = flatPathOfKey(key)
        if (flat !== undefined && (await exists(fs, join(root, flat)))) return 'exists'
        let outcome: 'created' | 'exists' = 'created'
        await place(key, [bytes], bytes.length, io, async (temporary, target) => {
          try {
            await fs.link(temporary.path, target)
          } catch (error) {
            if (errnoOf(error) !== 'EEXIST') throw error
            outcome = 'exists'
          }
        })
        return outcome
      }),
    delete: async (keys, io) => {
      const failed: { readonly key: Key; readonly error: Error }[] = []
      const folders = new Set<string>()
      for (const key of keys) {
        io.signal.throwIfAborted()
        try {
          for (const path of [pathOfKey(key), flatPathOfKey(key)]) {
            if (path === undefined) continue
            if (await remove(fs, join(root, path))) folders.add(dirname(join(root, path)))
          }
        } catch (error) {
          failed.push({ key, error: fileError(error, `deleting ${key}`, url) })
        }
      }
      await guard('deleting', url, io, async () => {
        for (const folder of folders) await syncFolder(fs, folder)
      })
      return failed
    },
  }
  return Object.freeze(storage)
}

async function guard<T>(doing: string, url: string, io: Io, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (io.signal.aborted && error === io.signal.reason) throw error
    throw fileError(error, doing, url)
  }
}

async function exists(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.stat(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
    throw error
  }
}

async function remove(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.unlink(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
    throw error
  }
}

/** What reading says where there is no object; a folder is where keys go on. */
const absent: readonly string[] = ['ENOENT', 'ENOTDIR', 'EISDIR']

async function readObject(
  { fs, root, url }: { readonly fs: FileSystem; readonly root: string; readonly url: string },
  key: Key,
  io: Io,
  range: Range | undefined,
  buffer: Uint8Array | undefined,
): Promise<Uint8Array> {
  io.signal.throwIfAborted()
  const paths = [pathOfKey(key), flatPathOfKey(key)].filter(path => path !== undefined)
  return await guard(`reading ${key}`, url, io, async () => {
    let cause: unknown
    for (const path of paths) {
      try {
        return await readFile(fs, join(root, path), key, range, buffer)
      } catch (error) {
        if (!absent.includes(errnoOf(error) ?? '')) throw error
        cause = error
      }
    }
    throw notFound(url, key, cause)
  })
}

async function readFile(
  fs: FileSystem,
  path: string,
  key: Key,
  range: Range | undefined,
  buffer: Uint8Array | undefined,
): Promise<Uint8Array> {
  // NOFOLLOW: an object is a file; NONBLOCK: opening a pipe would wait for ever.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await fs.open(path, flags)
  try {
    const { offset, end } = checkedRange(key, (await handle.stat()).size, range)
    const length = end - offset
    const bytes =
      buffer !== undefined && buffer.length >= length
        ? buffer.subarray(0, length)
        : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    let done = 0
    while (done < bytes.length) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done)
      if (bytesRead === 0) checkedRange(key, offset + done, { offset, lengthBytes: bytes.length })
      done += bytesRead
    }
    return bytes
  } finally {
    await handle.close()
  }
}

async function headObject(
  fs: FileSystem,
  { root, url }: { readonly root: string; readonly url: string },
  key: Key,
  io: Io,
): Promise<ObjectInfo | undefined> {
  io.signal.throwIfAborted()
  const paths = [pathOfKey(key), flatPathOfKey(key)].filter(path => path !== undefined)
  return await guard(`looking at ${key}`, url, io, async () => {
    for (const path of paths) {
      try {
        const stats = await fs.stat(join(root, path))
        if (stats.isFile()) return { key, sizeBytes: stats.size, modified: stats.mtime }
      } catch (error) {
        if (!absent.includes(errnoOf(error) ?? '')) throw error
      }
    }
    return undefined
  })
}

async function* listObjects(
  fs: FileSystem,
  { root, url }: { readonly root: string; readonly url: string },
  prefix: string,
  io: Io,
  how: ListHow,
): AsyncIterable<ObjectInfo> {
  try {
    yield* listFiles(fs, root, prefix, io, how)
  } catch (error) {
    if (io.signal.aborted && error === io.signal.reason) throw error
    throw fileError(error, `listing ${prefix === '' ? 'objects' : prefix}`, url)
  }
}
