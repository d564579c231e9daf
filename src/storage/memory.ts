import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Key, ObjectInfo, Storage } from './contract.ts'
import { compareKeys } from './key.ts'
import { checkedRange } from './range.ts'

/** A storage that lives as long as the process: the reference of the contract suite. */
export function createMemoryStorage(name = 'memory'): Storage {
  const objects = new Map<Key, { readonly bytes: Uint8Array; readonly modified: Date }>()
  const url = `memory://${name}`
  const store = (key: Key, bytes: Uint8Array): void => {
    // A copy: the caller may reuse its buffer.
    objects.set(key, { bytes: Uint8Array.from(bytes), modified: new Date() })
  }
  return Object.freeze({
    url,
    capabilities: Object.freeze({ atomicCreate: true, presign: false, overwrite: true }),
    get: async (key, io, range) => {
      io.signal.throwIfAborted()
      const object = objects.get(key)
      if (object === undefined) throw notFound(url, key)
      const { offset, end } = checkedRange(key, object.bytes.length, range)
      return object.bytes.slice(offset, end)
    },
    list: (prefix, io, after) => listObjects(objects, prefix, io, after),
    head: async (key, io) => {
      io.signal.throwIfAborted()
      const object = objects.get(key)
      return object === undefined
        ? undefined
        : { key, sizeBytes: object.bytes.length, modified: object.modified }
    },
    put: async (key, bytes, io) => {
      io.signal.throwIfAborted()
      store(key, bytes)
    },
    putIfAbsent: async (key, bytes, io) => {
      io.signal.throwIfAborted()
      if (objects.has(key)) return 'exists'
      store(key, bytes)
      return 'created'
    },
    putStream: async (key, source, sizeBytes, io) => {
      const parts: Uint8Array[] = []
      for await (const part of source) {
        io.signal.throwIfAborted()
        parts.push(Uint8Array.from(part))
      }
      const bytes = Buffer.concat(parts)
      if (bytes.length !== sizeBytes) throw wrongSize(key, bytes.length, sizeBytes)
      store(key, bytes)
    },
    delete: async (keys, io) => {
      io.signal.throwIfAborted()
      for (const key of keys) objects.delete(key)
      return []
    },
  } satisfies Storage)
}

async function* listObjects(
  objects: ReadonlyMap<Key, { readonly bytes: Uint8Array; readonly modified: Date }>,
  prefix: string,
  io: Io,
  after: Key | undefined,
): AsyncIterable<ObjectInfo> {
  const keys = [...objects.keys()].filter(key => key.startsWith(prefix)).sort(compareKeys)
  for (const key of keys) {
    io.signal.throwIfAborted()
    if (after !== undefined && compareKeys(key, after) <= 0) continue
    const object = objects.get(key)
    if (object === undefined) continue
    yield { key, sizeBytes: object.bytes.length, modified: object.modified }
  }
}

/** An absent object. */
export function notFound(url: string, key: Key, cause?: unknown): BkpError {
  return new BkpError('storage.not_found', `${url} holds no object ${key}`, {
    cause,
    details: { key },
  })
}

/** A stream that was not as long as announced. */
export function wrongSize(key: Key, actual: number, expected: number): BkpError {
  return new BkpError(
    'storage.failed',
    `object ${key}: the source gave ${actual} bytes, not the ${expected} announced`,
    { hint: 'the source changed while it was read; run again', details: { key } },
  )
}
