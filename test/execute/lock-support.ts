import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Clock, RandomBytes } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import type { Controller, ControllerView, Liveness } from '../../src/execute/lock/controller.ts'
import type { Lock } from '../../src/execute/lock/registers.ts'
import { acquireStorageLock } from '../../src/execute/lock/storage-lock.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'

const made: string[] = []
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true })
})

export async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bkp-lock-'))
  made.push(directory)
  return directory
}

/** The backends that the protocol is tested over. */
export const storages: readonly (readonly [string, () => Promise<Storage>])[] = [
  ['memory', async () => createMemoryStorage()],
  ['file', async () => createFileStorage({ directory: await folder() })],
]

/** Waits for nothing; every look at it is a second later. */
export function quickClock(): Clock {
  let seconds = 0
  return {
    now: () => new Date(Date.UTC(2026, 10, 21, 10, 0, seconds++)),
    monotonicMs: () => seconds * 1000,
    sleep: async (_ms, signal) => signal?.throwIfAborted(),
  }
}

let drawn = 0

/** Different each time, and the same in every run of the tests. */
export const counted: RandomBytes = length => {
  drawn += 1
  const bytes = new Uint8Array(length)
  new DataView(bytes.buffer).setUint32(0, drawn)
  return bytes
}

/** A process that bkp runs as, and what it makes of all others. */
export function view(
  host: string,
  pid = 100,
  judge: (other: Controller) => Liveness = () => 'unknown',
): ControllerView {
  const self: Controller = { host, user: 'op', pid }
  return { self, livenessOf: async other => judge(other) }
}

/** What every acquisition needs, without name, run and place. */
export function tools(controller: ControllerView) {
  return { controller, clock: quickClock(), random: counted, io: quietIo }
}

/** Takes the lock `graph` of a storage for a run, as seen from one host. */
export async function take(
  storage: Storage,
  run: string,
  controller: ControllerView = view(`ctl-${run}`),
): Promise<Lock> {
  return await acquireStorageLock({
    storage,
    storageName: 'vault',
    name: 'graph',
    run,
    ...tools(controller),
  })
}

/** The refusal that a promise ends with; anything else fails the test. */
export async function refusalOf(promise: Promise<unknown>): Promise<BkpError> {
  const error = await errorOf(promise)
  if (error.code !== 'run.lock_held') throw error
  return error
}

export async function errorOf(promise: Promise<unknown>): Promise<BkpError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof BkpError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** The keys below a prefix. */
export async function keysBelow(storage: Storage, prefix: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of storage.list(prefix, quietIo)) keys.push(key)
  return keys
}
