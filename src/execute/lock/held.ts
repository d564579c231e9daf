import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { Controller, Liveness } from './controller.ts'
import type { Holder } from './holder.ts'

/** A lock, as messages name it. */
export interface LockPlace {
  readonly lock: string
  /** Of a lock on this controller: the file that holds it. */
  readonly file?: string
  /** Of a lock in a storage: the storage as the user names it, and the key of the register. */
  readonly storage?: { readonly name: string; readonly key: string }
}

/** `pid 42 of nebula on ctl1`; what others wrote cannot steer the terminal. */
export function describeController({ host, user, pid }: Controller): string {
  return escapeControls(`pid ${pid} of ${user} on ${host}`, { newlines: false })
}

/** Who holds a lock, since when, and how to free it. */
export function lockHeld(
  place: LockPlace,
  holder: Holder,
  liveness: Liveness,
  ownRun: string,
): BkpError {
  const who = describeController(holder.controller)
  const since = escapeControls(holder.since, { newlines: false })
  const name = shown(place.lock)
  const message =
    holder.run === ownRun
      ? `run ${holder.run} goes on already: ${who} holds lock "${name}" since ${since}`
      : `lock "${name}" is held by run ${holder.run}: ${who}, since ${since}`
  return new BkpError('run.lock_held', message, {
    hint: wayOut(place, holder, liveness),
    details: {
      lock: place.lock,
      run: holder.run,
      host: holder.controller.host,
      user: holder.controller.user,
      pid: holder.controller.pid,
      since: holder.since,
      ...(place.file === undefined ? {} : { file: place.file }),
      ...(place.storage === undefined ? {} : { key: place.storage.key }),
    },
  })
}

/** A register that says nothing we understand: someone holds it, we cannot say who. */
export function lockUnreadable(place: LockPlace): BkpError {
  const where = place.file ?? `${place.storage?.key} in ${place.storage?.name}`
  return new BkpError(
    'run.lock_held',
    `lock "${shown(place.lock)}" is held by ${where}, which this bkp cannot read`,
    { hint: `a newer bkp may have made it; if nothing runs anywhere, remove ${where}` },
  )
}

function wayOut({ file, storage }: LockPlace, holder: Holder, liveness: Liveness): string {
  const { run, controller } = holder
  const from = storage === undefined ? '' : ` --from ${storage.name}`
  const settle = `bkp resume${from} ${run} goes on with it, bkp abort${from} ${run} settles and ends it`
  if (liveness === 'alive') {
    const interrupt = `kill -INT ${controller.pid}`
    return `it runs on this machine: wait for it, or interrupt it (${interrupt}). If it cannot end: kill it, then ${settle}`
  }
  const host = escapeControls(controller.host, { newlines: false })
  const register = file ?? `${storage?.key} from ${storage?.name}`
  const removal = `; where neither is possible, remove ${register}`
  if (liveness === 'gone') return `its process on ${host} is gone: ${settle}${removal}`
  return `see whether it still runs on ${host}. If not: ${settle}${removal}`
}

function shown(name: string): string {
  return escapeControls(name, { newlines: false })
}
