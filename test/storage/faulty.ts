import { BkpError } from '../../src/base/errors.ts'
import type { Storage } from '../../src/storage/contract.ts'

type StorageOperation = 'get' | 'list' | 'put' | 'putIfAbsent' | 'putStream' | 'delete'

/** When and how an operation goes wrong. */
export interface Fault {
  /** The n-th operation counted from 1, of those that `only` names. */
  readonly nth: number
  readonly only?: readonly StorageOperation[]
  /** Only keys that match; all by default. */
  readonly key?: RegExp
  /** `before`: nothing happened. `after`: it happened, and the answer was lost. */
  readonly when: 'before' | 'after'
  /** How many operations in a row; 1 by default. */
  readonly repeat?: number
  /** Thrown; storage.unreachable by default. A kill hook throws what no code catches. */
  readonly error?: () => unknown
}

export interface FaultyStorage {
  readonly storage: Storage
  /** Whether the fault came to pass. */
  fired(): boolean
  /** Operations so far, as `put data/..`: what happened, in order. */
  readonly log: readonly string[]
}

const unreachable = (): BkpError =>
  new BkpError('storage.unreachable', 'injected fault', { hint: 'none: this is a test' })

/** Wraps a storage so that one operation fails; counts and logs all of them. */
export function faultyStorage(inner: Storage, fault?: Fault): FaultyStorage {
  const log: string[] = []
  let count = 0
  let hasFired = false
  const around = async <T>(
    operation: StorageOperation,
    key: string,
    work: () => Promise<T>,
  ): Promise<T> => {
    log.push(`${operation} ${key}`)
    const counts =
      fault !== undefined &&
      (fault.only?.includes(operation) ?? true) &&
      (fault.key?.test(key) ?? true)
    if (counts) count += 1
    const fails = counts && count >= fault.nth && count < fault.nth + (fault.repeat ?? 1)
    if (!fails) return await work()
    hasFired = true
    if (fault.when === 'after') await work()
    throw (fault.error ?? unreachable)()
  }
  const storage: Storage = {
    url: inner.url,
    capabilities: inner.capabilities,
    get: (key, io, range) => around('get', key, () => inner.get(key, io, range)),
    list: async function* (prefix, io, after) {
      await around('list', prefix, async () => {})
      yield* inner.list(prefix, io, after)
    },
    put: (key, bytes, io, sha256) => around('put', key, () => inner.put(key, bytes, io, sha256)),
    putIfAbsent: (key, bytes, io) =>
      around('putIfAbsent', key, () => inner.putIfAbsent(key, bytes, io)),
    putStream: (key, source, sizeBytes, io) =>
      around('putStream', key, () => inner.putStream(key, source, sizeBytes, io)),
    delete: (keys, io) => around('delete', keys.join(','), () => inner.delete(keys, io)),
  }
  return { storage: Object.freeze(storage), fired: () => hasFired, log }
}

/**
 * A storage whose process dies at one operation, before or after its effect. A dead process does
 * nothing more: every later operation fails too, without effect.
 */
export function dyingStorage(
  inner: Storage,
  fault: Pick<Fault, 'nth' | 'when' | 'key'>,
): FaultyStorage {
  let dead = false
  const faulty = faultyStorage(inner, {
    ...fault,
    error: () => {
      dead = true
      return new Error('killed')
    },
  })
  const alive = (): Storage => {
    if (dead) throw new Error('killed')
    return faulty.storage
  }
  const storage: Storage = {
    url: inner.url,
    capabilities: inner.capabilities,
    get: async (...args) => await alive().get(...args),
    list: async function* (...args) {
      yield* alive().list(...args)
    },
    put: async (...args) => await alive().put(...args),
    putIfAbsent: async (...args) => await alive().putIfAbsent(...args),
    putStream: async (...args) => await alive().putStream(...args),
    delete: async (...args) => await alive().delete(...args),
  }
  return { ...faulty, storage: Object.freeze(storage) }
}
