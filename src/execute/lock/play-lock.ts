import { probeStorage } from '../../repository/probe-storage.ts'
import type { Storage } from '../../storage/contract.ts'
import { acquireLocalLock } from './local-lock.ts'
import type { Lock, LockRequest } from './registers.ts'
import { acquireStorageLock, notAtomic } from './storage-lock.ts'

export interface PlayLockRequest extends LockRequest {
  readonly stateDirectory: string
  /** `lock.storage`, opened, and how the user names it. */
  readonly storage?: { readonly name: string; readonly storage: Storage }
}

/**
 * What `lock:` of a play asks for: the name on this controller, then through its storage. Both or
 * neither is held. @throws run.lock_held, repository.probe_failed, storage.*
 */
export async function acquirePlayLock(request: PlayLockRequest): Promise<Lock> {
  const local = await acquireLocalLock(request)
  const { storage } = request
  if (storage === undefined) return local
  try {
    const named = { storage: storage.storage, storageName: storage.name }
    // What a server says of itself is not enough: it is raced over, once for each storage.
    const mode = await probeStorage(storage.storage, request.random, request.io)
    if (mode !== 'concurrent') throw notAtomic({ ...named, name: request.name })
    const shared = await acquireStorageLock({ ...request, ...named })
    return Object.freeze({
      name: request.name,
      tookOver: shared.tookOver ?? local.tookOver,
      // The inner one is let go even where the storage does not answer: the error is told.
      release: async io => {
        try {
          await shared.release(io)
        } finally {
          await local.release(io)
        }
      },
    } satisfies Lock)
  } catch (error) {
    // Why it was refused matters more than a lock that is left behind: that one names our run.
    await local.release().catch(() => {})
    throw error
  }
}
