import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { RunEvent } from '../events/events.ts'
import { eventLine } from '../events/line.ts'
import type { Storage } from '../storage/contract.ts'
import type { ControllerView } from './lock/controller.ts'
import { listLocks } from './lock/list-locks.ts'
import type { Lock } from './lock/registers.ts'
import { acquireStorageLock } from './lock/storage-lock.ts'
import { createMirror } from './mirror.ts'
import { mirrorObjects } from './mirror-read.ts'

/** A run that died early, and where it may have left locks. */
export interface UnbegunRequest {
  readonly run: string
  readonly storage: Storage
  /** How the user names the storage. */
  readonly storageName: string
  readonly controller: ControllerView
  readonly clock: Clock
  readonly random: RandomBytes
  readonly io: Io
}

/** True when a run got as far as to say what it is: before that, nothing is done on any host. */
export function hasBegun(events: readonly RunEvent[]): boolean {
  return events.some(event => event.event === 'run.started')
}

/**
 * Ends a run that died between taking its locks in a storage and the first event there: takes the
 * locks under the run's own name, and lets go of them. Its mirror is closed before, so that a process
 * that was only slow stops at its first event.
 * @returns the locks that are free now; undefined for a run that the storage does not know, or that
 * has begun: there is something to settle
 * @throws run.lock_held while its process is seen alive, or once it has gone on; storage.*
 */
export async function endUnbegunRun(
  request: UnbegunRequest,
): Promise<readonly string[] | undefined> {
  const { run, storage, io } = request
  const events: RunEvent[] = []
  let isMirrored = false
  for await (const object of mirrorObjects(storage, run, io)) {
    isMirrored = true
    for (const event of object.events) events.push(event)
  }
  if (hasBegun(events)) return undefined
  const names = await locksOf(request)
  if (names.length === 0 && !isMirrored) return undefined
  const held: Lock[] = []
  for (const name of names) held.push(await acquireStorageLock({ ...request, name }))
  await closeMirror(request, events)
  for (const lock of held) await lock.release(io)
  return names
}

async function locksOf({ storage, run, io }: UnbegunRequest): Promise<readonly string[]> {
  const names: string[] = []
  for await (const holder of listLocks(storage, io)) {
    if (holder.run === run) names.push(holder.lock)
  }
  return names
}

async function closeMirror(request: UnbegunRequest, history: readonly RunEvent[]): Promise<void> {
  const mirror = await createMirror({
    ...request,
    controller: request.controller.self,
    documents: [],
    history,
    redact: text => text,
  })
  if (history.at(-1)?.event !== 'run.finished') {
    mirror.append(eventLine(neverBegan(request, history)))
  }
  await mirror.close()
}

/** The end of a run that did nothing. */
export function neverBegan(
  { run, clock }: Pick<UnbegunRequest, 'run' | 'clock'>,
  history: readonly RunEvent[],
): RunEvent {
  const seq = (history.at(-1)?.seq ?? 0) + 1
  const time = clock.now().toISOString()
  return { seq, time, run, event: 'run.finished', exit_code: 0, recap: {} }
}
