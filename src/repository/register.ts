import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Key, Storage } from '../storage/contract.ts'
import { getIfThere } from './get-if-there.ts'

/** How often a create whose answer was lost is tried again. */
const attempts = 5
const firstPauseMs = 100

/** What a register holds after an attempt to set it: our bytes, or someone else's. */
export type RegisterOutcome =
  | { readonly won: true }
  | { readonly won: false; readonly bytes: Uint8Array }

/**
 * Sets a register, which takes one value for ever. An answer that was lost is asked for again by
 * putting again; "not there" is never taken as final. @throws storage.* when it stays unknown
 */
export async function setRegister(
  storage: Storage,
  key: Key,
  bytes: Uint8Array,
  isOurs: (found: Uint8Array) => boolean,
  clock: Clock,
  io: Io,
): Promise<RegisterOutcome> {
  let failure: unknown
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt > 0) await clock.sleep(firstPauseMs * 2 ** (attempt - 1), io.signal)
    try {
      if ((await storage.putIfAbsent(key, bytes, io)) === 'created') return { won: true }
      const found = await getIfThere(storage, key, io)
      if (found !== undefined) return isOurs(found) ? { won: true } : { won: false, bytes: found }
      failure = new BkpError('storage.failed', `${key} exists, but cannot be read`, {
        hint: 'the storage contradicts itself; check it, then run again',
      })
    } catch (error) {
      if (io.signal.aborted || !isStorageFault(error)) throw error
      failure = error
    }
  }
  throw failure
}

function isStorageFault(error: unknown): boolean {
  return error instanceof BkpError && error.code.startsWith('storage.')
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
