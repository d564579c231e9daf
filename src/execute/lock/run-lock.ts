import { quietIo } from '../../base/io.ts'
import { getIfThere } from '../../repository/get-if-there.ts'
import { createFileStorage } from '../../storage/file.ts'
import { type ControllerView, type Liveness, viewFromHere } from './controller.ts'
import { lockHeld } from './held.ts'
import { decodeHolder, type Holder } from './holder.ts'
import { holderKey, lockPrefix } from './lock-keys.ts'
import { surveyRegisters } from './registers.ts'

/** The lock that a run has on itself, on its controller, from before its journal is opened. */
export function runLockName(run: string): string {
  return `run ${run}`
}

/** A process that goes on with a run, or did. */
export interface RunHolder {
  readonly holder: Holder
  readonly liveness: Liveness
}

/** Who has a run in hand here, as its lock says; undefined when nobody does. */
export async function holderOfRun(
  stateDirectory: string,
  run: string,
  view?: ControllerView,
): Promise<RunHolder | undefined> {
  const storage = createFileStorage({ directory: stateDirectory })
  const prefix = lockPrefix(runLockName(run))
  const { highest, isFree } = await surveyRegisters(storage, prefix, quietIo)
  if (isFree) return undefined
  const bytes = await getIfThere(storage, holderKey(prefix, highest), quietIo)
  const holder = bytes === undefined ? undefined : decodeHolder(bytes)
  if (holder === undefined) return undefined
  const from = view ?? (await viewFromHere())
  return { holder, liveness: await from.livenessOf(holder.controller) }
}

/**
 * Refuses to touch a run that a living process has in hand: its journal is being written.
 * @throws run.lock_held
 */
export async function refuseIfRunning(
  stateDirectory: string,
  run: string,
  view?: ControllerView,
): Promise<void> {
  const found = await holderOfRun(stateDirectory, run, view)
  if (found?.liveness !== 'alive') return
  throw lockHeld({ lock: runLockName(run) }, found.holder, found.liveness, run)
}
