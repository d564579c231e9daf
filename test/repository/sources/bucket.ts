import { createHash } from 'node:crypto'
import { quietIo } from '../../../src/base/io.ts'
import { compileExclude } from '../../../src/repository/exclude.ts'
import type { HostSource } from '../../../src/repository/source.ts'
import { storageSource } from '../../../src/repository/sources/storage-source.ts'
import type { ForeignObject, Key, ObjectInfo, Storage } from '../../../src/storage/contract.ts'
import { objectChanged, plainEtag } from '../../../src/storage/etag.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage, notFound } from '../../../src/storage/memory.ts'
import { bytesOf } from '../support.ts'

/** A bucket in memory that counts what is asked of it. */
export interface Bucket {
  readonly storage: Storage
  set(name: string, content: string | Uint8Array): Promise<void>
  remove(name: string): Promise<void>
  /** Keys whose bytes were asked for, a line for each request. */
  readonly gets: string[]
  /** Keys that were written or deleted, as `put a`. */
  readonly writes: string[]
  /** All objects, as text; of a large one its sha256. */
  content(): Promise<Readonly<Record<string, string>>>
  /** Called before bytes are read: to change them under the reader. */
  onGet: ((name: string) => Promise<void>) | undefined
  /** Called before a write: to fail it. */
  onWrite: ((what: string) => void) | undefined
  /** Objects whose names are no keys. */
  foreign: readonly ForeignObject[]
}

/** `etags`: as S3 has them, the md5 of the content; without them only times tell a change. */
export function makeBucket(
  name: string,
  { etags = true }: { readonly etags?: boolean } = {},
): Bucket {
  const inner = createMemoryStorage(name)
  const infoOf = async (object: ObjectInfo): Promise<ObjectInfo> => {
    if (!etags) return object
    const bytes = await inner.get(object.key, quietIo)
    return { ...object, etag: `"${createHash('md5').update(bytes).digest('hex')}"` }
  }
  const head: Storage['head'] = async (wanted, io) => {
    const object = await inner.head?.(wanted, io)
    return object === undefined ? undefined : await infoOf(object)
  }
  const get: Storage['get'] = async (wanted, io, range) => {
    await bucket.onGet?.(wanted)
    bucket.gets.push(wanted)
    return await inner.get(wanted, io, range)
  }
  const list: Storage['list'] = async function* (prefix, io, after) {
    for await (const object of inner.list(prefix, io, after)) yield await infoOf(object)
  }
  const written = (what: string, wanted: Key): void => {
    bucket.onWrite?.(`${what} ${wanted}`)
    bucket.writes.push(`${what} ${wanted}`)
  }
  const storage: Storage = Object.freeze({
    ...inner,
    get,
    list,
    head,
    listAll: (prefix, io, tell) => {
      for (const object of bucket.foreign) if (object.name.startsWith(prefix)) tell(object)
      return list(prefix, io)
    },
    ...(etags
      ? {
          getUnchanged: async (wanted: Key, etag: string, io, range) => {
            await bucket.onGet?.(wanted)
            const now = await head(wanted, io)
            if (now === undefined) throw notFound(inner.url, wanted)
            if (plainEtag(now.etag) !== plainEtag(etag)) throw objectChanged(inner.url, wanted)
            bucket.gets.push(wanted)
            return await inner.get(wanted, io, range)
          },
        }
      : {}),
    put: async (wanted, bytes, io) => {
      written('put', wanted)
      await inner.put(wanted, bytes, io)
    },
    putStream: async (wanted, source, sizeBytes, io) => {
      written('put', wanted)
      await inner.putStream(wanted, source, sizeBytes, io)
    },
    delete: async (keys, io) => {
      for (const wanted of keys) written('delete', wanted)
      return await inner.delete(keys, io)
    },
  } satisfies Storage)
  const bucket: Bucket = {
    storage,
    gets: [],
    writes: [],
    onGet: undefined,
    onWrite: undefined,
    foreign: [],
    set: (at, content) =>
      inner.put(key(at), typeof content === 'string' ? bytesOf(content) : content, quietIo),
    remove: async at => {
      await inner.delete([key(at)], quietIo)
    },
    content: async () => {
      const all: Record<string, string> = {}
      for await (const object of inner.list('', quietIo)) {
        all[object.key] = textOf(await inner.get(object.key, quietIo))
      }
      return all
    },
  }
  return bucket
}

/** Bytes as an expectation shows them. */
export function textOf(bytes: Uint8Array): string {
  return bytes.length > 1000
    ? createHash('sha256').update(bytes).digest('hex')
    : Buffer.from(bytes).toString('latin1')
}

/** The bucket as a source of a backup; all of it under `/` by default. */
export function sourceOf(
  { storage }: Pick<Bucket, 'storage'>,
  repository: Storage,
  {
    exclude = [],
    roots = [['/', '/']],
    host = 'storage:lake',
  }: {
    readonly exclude?: readonly string[]
    /** Live prefix and logical root. */
    readonly roots?: readonly (readonly [string, string])[]
    readonly host?: string
  } = {},
): HostSource {
  return storageSource(
    { host, storage, exclude: compileExclude(exclude), repository },
    roots.map(([source, root]) => ({
      source: bytesOf(source),
      root: bytesOf(root),
      immutable: false,
    })),
  )
}
