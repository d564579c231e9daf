import type { Io } from '../../../base/io.ts'
import { lookAt } from '../../../repository/sources/objects.ts'
import type { Key, ReadOnlyStorage } from '../../../storage/contract.ts'
import { key, keyOrNothing } from '../../../storage/key.ts'
import { checkpointKind } from '../layout.ts'
import type { OfficialPlace } from './place.ts'

/** Bytes of one request for a part of an object. */
const readBytes = 1024 * 1024
const namesBegin = 'BACKUP_'
/** Comes right after the slash, so that all below a folder comes before it. */
const afterSlash = '0'

/** Backups of the official BR in a storage whose address is what BR was given as `--storage`. */
export function storagePlace(storage: ReadOnlyStorage): OfficialPlace {
  return Object.freeze({
    url: storage.url,
    backups: io => backupNames(storage, io),
    files: async function* (backup, io, below = '') {
      const folder = `${backup}/`
      const prefix = `${folder}${below === '' ? '' : `${below}/`}`
      for await (const { key: found, sizeBytes } of storage.list(prefix, io)) {
        io.signal.throwIfAborted()
        yield { path: found.slice(folder.length), sizeBytes }
      }
    },
    find: async (backup, path, io) => {
      const wanted = keyOrNothing(`${backup}/${path}`)
      const found = wanted === undefined ? undefined : await lookAt(storage, wanted, io)
      return found === undefined ? undefined : { path, sizeBytes: found.sizeBytes }
    },
    read: async function* (backup, { path, sizeBytes }, io) {
      const wanted = key(`${backup}/${path}`)
      for (let offset = 0; offset < sizeBytes; offset += readBytes) {
        const lengthBytes = Math.min(readBytes, sizeBytes - offset)
        yield await storage.get(wanted, io, { offset, lengthBytes })
      }
    },
  } satisfies OfficialPlace)
}

/** One request for each backup, however much it holds. */
async function* backupNames(storage: ReadOnlyStorage, io: Io): AsyncIterable<string> {
  let after: Key | undefined
  for (;;) {
    const first = await firstAfter(storage, after, io)
    if (first === undefined) return
    const [name = '', below] = first.split('/', 2)
    if (below === undefined) {
      after = first
      continue
    }
    if (checkpointKind(name) === 'backup') yield name
    after = key(`${name}${afterSlash}`)
  }
}

async function firstAfter(
  storage: ReadOnlyStorage,
  after: Key | undefined,
  io: Io,
): Promise<Key | undefined> {
  for await (const { key: found } of storage.list(namesBegin, io, after)) return found
  return undefined
}
