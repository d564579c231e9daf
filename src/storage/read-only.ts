import type { ReadOnlyStorage } from './contract.ts'

/** A storage that cannot write, at run time too: what planning gets. */
export function readOnlyStorage(storage: ReadOnlyStorage): ReadOnlyStorage {
  const now = storage.now
  return Object.freeze({
    url: storage.url,
    capabilities: storage.capabilities,
    ...(now === undefined ? {} : { now: io => now.call(storage, io) }),
    get: (key, io, range, buffer) => storage.get(key, io, range, buffer),
    list: (prefix, io, after) => storage.list(prefix, io, after),
  } satisfies ReadOnlyStorage)
}
