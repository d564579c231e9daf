import type { ReadOnlyStorage } from './contract.ts'

/** A storage that cannot write, at run time too: what planning gets. */
export function readOnlyStorage(storage: ReadOnlyStorage): ReadOnlyStorage {
  const { now, presignedOrigin, listAll, head, getUnchanged } = storage
  return Object.freeze({
    url: storage.url,
    capabilities: storage.capabilities,
    ...(now === undefined ? {} : { now: io => now.call(storage, io) }),
    ...(presignedOrigin === undefined
      ? {}
      : { presignedOrigin: () => presignedOrigin.call(storage) }),
    get: (key, io, range, buffer) => storage.get(key, io, range, buffer),
    list: (prefix, io, after) => storage.list(prefix, io, after),
    ...(listAll === undefined
      ? {}
      : { listAll: (prefix, io, foreign) => listAll.call(storage, prefix, io, foreign) }),
    ...(head === undefined ? {} : { head: (key, io) => head.call(storage, key, io) }),
    ...(getUnchanged === undefined
      ? {}
      : {
          getUnchanged: (key, etag, io, range, buffer) =>
            getUnchanged.call(storage, key, etag, io, range, buffer),
        }),
  } satisfies ReadOnlyStorage)
}
