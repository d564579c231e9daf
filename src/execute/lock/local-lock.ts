import { join } from 'node:path'
import { createFileStorage } from '../../storage/file.ts'
import { isSelf } from './controller.ts'
import { type Lock, type LockRequest, takeLock } from './registers.ts'

export interface LocalLockRequest extends LockRequest {
  /** The state directory, opened: its `locks/` holds them. */
  readonly stateDirectory: string
}

/**
 * One run at a time over a name on this controller. A holder whose process is gone is taken over, and
 * so is one of the same run that cannot be seen from here; `tookOver` says whom.
 * @throws run.lock_held, storage.failed when the state directory cannot be written
 */
export async function acquireLocalLock(request: LocalLockRequest): Promise<Lock> {
  const { stateDirectory, name, run, controller } = request
  return await takeLock(request, {
    storage: createFileStorage({ directory: stateDirectory, random: request.random }),
    place: key => ({ lock: name, file: join(stateDirectory, key) }),
    mayTakeOver: (holder, liveness) =>
      liveness === 'gone' ||
      (holder.run === run &&
        (liveness === 'unknown' || isSelf(holder.controller, controller.self))),
  })
}
