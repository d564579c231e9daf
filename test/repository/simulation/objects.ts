import type { Key, ObjectInfo } from '../../../src/storage/contract.ts'
import { compareKeys } from '../../../src/storage/key.ts'

/** What one operation did to one object; `undefined` where there is none. */
export interface Change {
  readonly key: Key
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array | undefined
}

/** The one store that all processes of a simulation write to: every operation is one instant. */
export interface Objects {
  get(key: Key): Uint8Array | undefined
  /** So many objects after a key, as a storage's pages give them; fewer at the end. */
  page(prefix: string, after: Key | undefined, size: number): readonly ObjectInfo[]
  put(key: Key, bytes: Uint8Array): void
  putIfAbsent(key: Key, bytes: Uint8Array): 'created' | 'exists'
  delete(key: Key): void
  /** What changed since this was last asked. */
  changes(): readonly Change[]
}

/** @param now the storage's own clock */
export function createObjects(now: () => Date): Objects {
  const held = new Map<
    Key,
    { readonly bytes: Uint8Array; readonly modified: Date; readonly etag: string }
  >()
  let changes: Change[] = []
  let writes = 0
  let sorted: readonly Key[] | undefined
  const set = (key: Key, bytes: Uint8Array | undefined): void => {
    const before = held.get(key)?.bytes
    const after = bytes === undefined ? undefined : Uint8Array.from(bytes)
    writes += 1
    if ((before === undefined) !== (after === undefined)) sorted = undefined
    if (after === undefined) held.delete(key)
    else held.set(key, { bytes: after, modified: now(), etag: `${writes}` })
    changes.push({ key, before, after })
  }
  return Object.freeze({
    get: key => held.get(key)?.bytes,
    page: (prefix, after, size) => {
      sorted ??= [...held.keys()].sort(compareKeys)
      const found: ObjectInfo[] = []
      for (const key of sorted) {
        // All keys are ASCII, so that texts compare as their bytes do.
        if (!key.startsWith(prefix) || (after !== undefined && key <= after)) continue
        const object = held.get(key)
        if (object === undefined) continue
        const { bytes, modified, etag } = object
        found.push({ key, sizeBytes: bytes.length, modified, etag })
        if (found.length >= size) break
      }
      return found
    },
    put: set,
    putIfAbsent: (key, bytes) => {
      if (held.has(key)) return 'exists'
      set(key, bytes)
      return 'created'
    },
    delete: key => {
      if (held.has(key)) set(key, undefined)
    },
    changes: () => {
      const since = changes
      changes = []
      return since
    },
  } satisfies Objects)
}
