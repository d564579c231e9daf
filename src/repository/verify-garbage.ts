import type { Io } from '../base/io.ts'
import { key } from '../storage/key.ts'
import { dataPrefix, isBackupName, manifestName, parseBlockKey } from './names.ts'
import type { Repository } from './repository.ts'
import type { Garbage } from './verify-options.ts'

/** Objects that are named, of those that bkp would not write. */
const namedKeys = 20

/** Counts what no backup needs. */
export interface GarbageCount {
  /** An object below `data/` that no backup names. */
  add(object: { readonly key: string; readonly sizeBytes: number }): void
  /** Looks through what is not below `data/`. */
  lookAround(repo: Repository, io: Io): Promise<void>
  result(): Garbage
}

export function countGarbage(): GarbageCount {
  let blocks = 0
  let bytes = 0
  let unknown = 0
  const unknownKeys: string[] = []
  const strange = (name: string): void => {
    unknown += 1
    if (unknownKeys.length < namedKeys) unknownKeys.push(name)
  }
  const lookAt = (name: string): void => {
    if (!name.startsWith(dataPrefix) && !isOurs(name)) strange(name)
  }
  return Object.freeze({
    add: object => {
      if (parseBlockKey(object.key) === undefined) {
        strange(object.key)
        return
      }
      blocks += 1
      bytes += object.sizeBytes
    },
    lookAround: async ({ storage }, io) => {
      // Blocks may be millions: they are passed by.
      for await (const found of storage.list('', io)) {
        if (found.key.startsWith(dataPrefix)) break
        lookAt(found.key)
      }
      for await (const found of storage.list('', io, key(`${dataPrefix}~`))) lookAt(found.key)
    },
    result: () => ({ blocks, bytes, unknown, unknown_keys: unknownKeys }),
  } satisfies GarbageCount)
}

const folders = ['gc', 'checks', 'runs', 'locks', 'probe'] as const

/** Whether a key is one that bkp writes, or will not mistake for anything else. */
function isOurs(name: string): boolean {
  if (name === 'bendsave.md' || manifestName(name) !== undefined) return true
  const slash = name.indexOf('/')
  const [folder, rest] = [name.slice(0, slash), name.slice(slash + 1)]
  if (['sessions', 'beats', 'forgotten'].includes(folder)) return isBackupName(rest)
  return folders.some(own => own === folder)
}
