import { BkpError } from '../../base/errors.ts'
import type { Storage } from '../../storage/contract.ts'
import { isSelf } from './controller.ts'
import { type Lock, type LockRequest, takeLock } from './registers.ts'

export interface StorageLockRequest extends LockRequest {
  readonly storage: Storage
  /** How the user names the storage: as the inventory does, or by its URL. */
  readonly storageName: string
}

/**
 * One run at a time over a name on all controllers that use the storage. A holder whose controller
 * died stays the holder until its run is resumed or aborted: only the same run takes it over, and not
 * while its process is seen alive. Locks are advisory: what fences a controller that was only slow is
 * the mirror of the run, whose next object just one of two can write.
 * @throws run.lock_held, repository.probe_failed, storage.*
 */
export async function acquireStorageLock(request: StorageLockRequest): Promise<Lock> {
  const { storage, name, run, controller } = request
  if (!storage.capabilities.atomicCreate) throw notAtomic(request)
  const lock = await takeLock(request, {
    storage,
    place: key => ({ lock: name, storage: { name: request.storageName, key } }),
    mayTakeOver: (holder, liveness) =>
      holder.run === run && (liveness !== 'alive' || isSelf(holder.controller, controller.self)),
  })
  // Some servers say only when they are written to that they create nothing atomically.
  if (storage.capabilities.atomicCreate) return lock
  await lock.release()
  throw notAtomic(request)
}

/** The refusal of a storage that more than one could get the lock of. */
export function notAtomic({
  storageName,
  name,
}: Pick<StorageLockRequest, 'storageName' | 'name'>): BkpError {
  return new BkpError(
    'repository.probe_failed',
    `${storageName} cannot hold lock "${name}": it does not create objects atomically`,
    { hint: 'name another storage in lock:, or none where there is one controller' },
  )
}
