import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { ReadOnlyStorage } from '../storage/contract.ts'

/** The object, or nothing where there is none. */
export async function getIfThere(
  storage: ReadOnlyStorage,
  key: Parameters<ReadOnlyStorage['get']>[0],
  io: Io,
  buffer?: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    return await storage.get(key, io, undefined, buffer)
  } catch (error) {
    if (error instanceof BkpError && error.code === 'storage.not_found') return undefined
    throw error
  }
}
