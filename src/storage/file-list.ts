import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import type { Io } from '../base/io.ts'
import type { Key, ObjectInfo } from './contract.ts'
import { errnoOf } from './file-errors.ts'
import { fanFolder, keyInFan } from './file-layout.ts'
import type { FileSystem } from './file-system.ts'
import { compareKeys, keyOrNothing } from './key.ts'

/** A file found on disk, and the key it holds. */
interface Found {
  readonly key: Key
  readonly path: string
}

/** How many files are looked at together. */
const statsInFlight = 32

/**
 * Objects below a folder in byte order of their keys; holds one folder's names at a time. What is
 * no key (unfinished files, foreign names, symbolic links) is not listed.
 */
export async function* listFiles(
  fs: FileSystem,
  root: string,
  prefix: string,
  io: Io,
  after?: Key,
): AsyncIterable<ObjectInfo> {
  const isWanted = (key: string): boolean =>
    key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0)
  const mayHold = (folder: string): boolean =>
    (folder.startsWith(prefix) || prefix.startsWith(folder)) &&
    (after === undefined || after.startsWith(folder) || compareKeys(folder, after) > 0)
  let batch: Found[] = []
  for await (const found of walkFolder(fs, root, '', mayHold)) {
    io.signal.throwIfAborted()
    if (!isWanted(found.key)) continue
    batch.push(found)
    if (batch.length < statsInFlight) continue
    yield* await statAll(fs, batch)
    batch = []
  }
  yield* await statAll(fs, batch)
}

async function statAll(fs: FileSystem, batch: readonly Found[]): Promise<readonly ObjectInfo[]> {
  const infos = await Promise.all(
    batch.map(async ({ key, path }): Promise<ObjectInfo | undefined> => {
      try {
        const { size, mtime } = await fs.stat(path)
        return { key, sizeBytes: size, modified: mtime }
      } catch (error) {
        // Deleted since its folder was read.
        if (errnoOf(error) === 'ENOENT') return undefined
        throw error
      }
    }),
  )
  return infos.filter(info => info !== undefined)
}

async function readFolder(fs: FileSystem, path: string): Promise<readonly Dirent[]> {
  try {
    return await fs.readdir(path, { withFileTypes: true })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

async function* walkFolder(
  fs: FileSystem,
  path: string,
  keyPrefix: string,
  mayHold: (folder: string) => boolean,
): AsyncIterable<Found> {
  // With the slash, because that is where the keys of a folder stand among the others.
  const entries = (await readFolder(fs, path))
    .filter(entry => entry.isFile() || entry.isDirectory())
    .map(entry => ({ entry, order: `${entry.name}${entry.isDirectory() ? '/' : ''}` }))
    .sort((a, b) => compareKeys(a.order, b.order))
  for (const { entry } of entries) {
    const below = join(path, entry.name)
    const text = `${keyPrefix}${entry.name}`
    if (entry.isFile()) {
      const key = keyOrNothing(text)
      if (key !== undefined) yield { key, path: below }
    } else if (text === 'data') {
      if (mayHold('data/')) yield* walkData(fs, below, mayHold)
    } else if (mayHold(`${text}/`)) {
      yield* walkFolder(fs, below, `${text}/`, mayHold)
    }
  }
}

/** `data/`: fan-out folders merged with blocks that lie beside them, as in a copied repository. */
async function* walkData(
  fs: FileSystem,
  path: string,
  mayHold: (folder: string) => boolean,
): AsyncIterable<Found> {
  const entries = await readFolder(fs, path)
  const fans = new Set(entries.filter(isFan).map(entry => entry.name))
  const flat = entries.filter(entry => entry.isFile()).map(entry => entry.name)
  const folders = entries.filter(entry => entry.isDirectory() && !isFan(entry))
  // Everything that begins with the same two characters is sorted together.
  const groups = new Set([...fans, ...[...flat, ...folders.map(f => f.name)].map(groupOf)])
  for (const group of [...groups].sort(compareKeys)) {
    if (!mayHold(`data/${group}`)) continue
    const inFan = fans.has(group) ? await readFolder(fs, join(path, group)) : []
    const found = new Map<string, Found>()
    for (const name of flat.filter(name => groupOf(name) === group)) {
      const key = keyOrNothing(`data/${name}`)
      if (key !== undefined) found.set(key, { key, path: join(path, name) })
    }
    for (const { name } of inFan.filter(entry => entry.isFile())) {
      const key = keyInFan(group, name)
      if (key !== undefined) found.set(key, { key, path: join(path, group, name) })
    }
    for (const { name } of folders.filter(folder => groupOf(folder.name) === group)) {
      const below = walkFolder(fs, join(path, name), `data/${name}/`, mayHold)
      for await (const item of below) found.set(item.key, item)
    }
    yield* [...found.values()].sort((a, b) => compareKeys(a.key, b.key))
  }
}

function isFan(entry: Dirent): boolean {
  return entry.isDirectory() && fanFolder.test(entry.name)
}

function groupOf(name: string): string {
  return name.slice(0, 2)
}
