import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import type { Io } from '../base/io.ts'
import type { Key, ObjectInfo } from './contract.ts'
import { errnoOf } from './file-errors.ts'
import { fanFolder, keyInFan } from './file-layout.ts'
import type { FileSystem } from './file-system.ts'
import { compareKeys, keyOrNothing } from './key.ts'
import type { ListHow } from './list-how.ts'

/** A file found on disk, and the key it holds. */
interface Found {
  readonly key: Key
  readonly path: string
}

/** What a walk goes by. */
interface Wanted {
  mayHold(folder: string): boolean
  /** Told of what bears a name that is no key, and of what is neither file nor folder. */
  foreign(name: string): void
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
  { after, foreign }: ListHow = {},
): AsyncIterable<ObjectInfo> {
  const isWanted = (key: string): boolean =>
    key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0)
  const mayHold = (folder: string): boolean =>
    (folder.startsWith(prefix) || prefix.startsWith(folder)) &&
    (after === undefined || after.startsWith(folder) || compareKeys(folder, after) > 0)
  const wanted: Wanted = {
    mayHold,
    foreign: name => {
      if (name.startsWith(prefix)) foreign?.({ name, sizeBytes: 0 })
    },
  }
  let batch: Found[] = []
  for await (const found of walkFolder(fs, root, '', wanted)) {
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
  wanted: Wanted,
): AsyncIterable<Found> {
  // With the slash, because that is where the keys of a folder stand among the others.
  const entries = (await readFolder(fs, path))
    .map(entry => ({ entry, order: `${entry.name}${entry.isDirectory() ? '/' : ''}` }))
    .sort((a, b) => compareKeys(a.order, b.order))
  for (const { entry } of entries) {
    const below = join(path, entry.name)
    const text = `${keyPrefix}${entry.name}`
    if (!entry.isDirectory()) {
      const key = entry.isFile() ? keyOrNothing(text) : undefined
      if (key === undefined) wanted.foreign(text)
      else yield { key, path: below }
    } else if (text === 'data') {
      if (wanted.mayHold('data/')) yield* walkData(fs, below, wanted)
    } else if (wanted.mayHold(`${text}/`)) {
      yield* walkFolder(fs, below, `${text}/`, wanted)
    }
  }
}

/** `data/`: fan-out folders merged with blocks that lie beside them, as in a copied repository. */
async function* walkData(fs: FileSystem, path: string, wanted: Wanted): AsyncIterable<Found> {
  const entries = await readFolder(fs, path)
  const fans = new Set(entries.filter(isFan).map(entry => entry.name))
  const flat = entries.filter(entry => !entry.isDirectory())
  const folders = entries.filter(entry => entry.isDirectory() && !isFan(entry))
  // Everything that begins with the same two characters is sorted together.
  const groups = new Set([...fans, ...[...flat, ...folders].map(({ name }) => groupOf(name))])
  for (const group of [...groups].sort(compareKeys)) {
    if (!wanted.mayHold(`data/${group}`)) continue
    const found = new Map<string, Found>()
    const take = (entry: Dirent, folder: string, key: Key | undefined): void => {
      if (key === undefined || !entry.isFile()) wanted.foreign(`data/${folder}${entry.name}`)
      else found.set(key, { key, path: join(path, folder, entry.name) })
    }
    for (const entry of flat.filter(({ name }) => groupOf(name) === group)) {
      take(entry, '', keyOrNothing(`data/${entry.name}`))
    }
    for (const entry of fans.has(group) ? await readFolder(fs, join(path, group)) : []) {
      if (entry.isDirectory()) {
        const below = `data/${group}/${entry.name}`
        const inside = walkFolder(fs, join(path, group, entry.name), `${below}/`, wanted)
        for await (const item of inside) found.set(item.key, item)
      } else take(entry, `${group}/`, keyInFan(group, entry.name))
    }
    for (const { name } of folders.filter(folder => groupOf(folder.name) === group)) {
      const below = walkFolder(fs, join(path, name), `data/${name}/`, wanted)
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
