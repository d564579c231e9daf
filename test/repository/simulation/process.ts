import type { Clock } from '../../../src/base/clock.ts'
import type { Io } from '../../../src/base/io.ts'
import type { Key, ObjectInfo, Storage } from '../../../src/storage/contract.ts'
import { notFound } from '../../../src/storage/memory.ts'
import type { Objects } from './objects.ts'

export type RequestKind = 'get' | 'list' | 'put' | 'putIfAbsent' | 'delete' | 'sleep'

/** What a process waits for: an operation of the storage, or that time passes. */
export interface Request {
  readonly process: Process
  readonly kind: RequestKind
  /** A prefix for `list`. */
  readonly key: string
  /** When a sleep is over, in the world's milliseconds; 0 for operations. */
  readonly readyAt: number
  /** What the operation does, at the instant it is called. Also called again for a duplicate. */
  effect(): unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

export type Role = 'writer' | 'vacuum' | 'reader' | 'operator'

/** One process: it does nothing but by its requests. */
export interface Process {
  readonly name: string
  readonly role: Role
  /** `frozen`: stopped for a long time. `dead`: nothing of it happens any more. */
  state: 'running' | 'frozen' | 'dead' | 'ended'
  /** A frozen or paused process goes on at that step of the simulation. */
  until: number
  readonly pending: Set<Request>
  readonly storage: Storage
  readonly clock: VirtualClock
}

/** The clock of one machine: it may be wrong, jump, and run at any speed. */
export interface VirtualClock extends Clock {
  /** Milliseconds added to what it says. */
  offsetMs: number
}

export interface ProcessOptions {
  readonly name: string
  readonly role: Role
  readonly objects: Objects
  /** The world's time, in milliseconds. */
  readonly now: () => number
  /** Milliseconds of this process that pass in one of the world. */
  readonly rate: number
  readonly offsetMs: number
  /** Objects a page of its listings holds. */
  readonly pageSize: () => number
}

/** What a storage is probed with takes no turns: no backup's fate hangs on it. */
const probePrefix = 'probe/'

/** When the simulated world begins. */
export const epoch = Date.parse('2025-01-14T20:15:00.000Z')

export function createProcess(options: ProcessOptions): Process {
  const { name, role, now, rate } = options
  const pending = new Set<Request>()
  const born = now()
  const ask = <T>(
    kind: RequestKind,
    key: string,
    effect: () => T,
    signal?: AbortSignal,
    readyAt = 0,
  ): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      // Whoever is dead waits for ever.
      if (process.state === 'dead') return
      if (key.startsWith(probePrefix)) {
        resolveNow(effect, resolve, reject)
        return
      }
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      pending.add({
        process,
        kind,
        key,
        readyAt,
        effect,
        resolve: value => resolve(value as T),
        reject,
      })
    })
  const clock: VirtualClock = {
    offsetMs: options.offsetMs,
    now: () => new Date(epoch + now() + clock.offsetMs),
    monotonicMs: () => (now() - born) * rate,
    sleep: (milliseconds, signal) =>
      ask('sleep', `${milliseconds} ms`, () => {}, signal, now() + milliseconds / rate),
  }
  const process: Process = {
    name,
    role,
    state: 'running',
    until: 0,
    pending,
    clock,
    storage: createStorage(options, ask),
  }
  return process
}

function createStorage(
  { objects, pageSize }: ProcessOptions,
  ask: <T>(kind: RequestKind, key: string, effect: () => T, signal?: AbortSignal) => Promise<T>,
): Storage {
  const url = 'memory://simulation'
  return Object.freeze({
    url,
    capabilities: Object.freeze({ atomicCreate: true, presign: false, overwrite: true }),
    get: (key, io, range) =>
      ask(
        'get',
        key,
        () => {
          const bytes = objects.get(key)
          if (bytes === undefined) throw notFound(url, key)
          const from = range?.offset ?? 0
          return bytes.slice(from, range === undefined ? undefined : from + range.lengthBytes)
        },
        io.signal,
      ),
    list: async function* (prefix: string, io: Io, after?: Key): AsyncIterable<ObjectInfo> {
      for (let last = after; ; ) {
        const size = pageSize()
        const page = await ask('list', prefix, () => objects.page(prefix, last, size), io.signal)
        yield* page
        last = page.at(-1)?.key
        if (page.length < size || last === undefined) return
      }
    },
    put: (key, bytes, io) => {
      // The caller may use its buffer for something else once it has its answer.
      const copy = Uint8Array.from(bytes)
      return ask('put', key, () => objects.put(key, copy), io.signal)
    },
    putIfAbsent: (key, bytes, io) => {
      const copy = Uint8Array.from(bytes)
      return ask('putIfAbsent', key, () => objects.putIfAbsent(key, copy), io.signal)
    },
    putStream: async (key, source, _sizeBytes, io) => {
      const parts: Uint8Array[] = []
      for await (const part of source) parts.push(Uint8Array.from(part))
      await ask('put', key, () => objects.put(key, Buffer.concat(parts)), io.signal)
    },
    delete: async (keys, io) => {
      // One by one: what a batch deletes is not deleted at one instant.
      for (const key of keys) await ask('delete', key, () => objects.delete(key), io.signal)
      return []
    },
  } satisfies Storage)
}

function resolveNow<T>(
  effect: () => T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): void {
  try {
    resolve(effect())
  } catch (error) {
    reject(error)
  }
}
