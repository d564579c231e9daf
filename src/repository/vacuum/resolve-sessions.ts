import type { Clock, RandomBytes } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import type { WritableRepository } from '../repository.ts'
import { beatEveryMs, endSession } from '../session.ts'
import { listOpenSessions, type OpenSession } from './open-sessions.ts'
import { storeTime } from './store-clock.ts'

export interface ResolveOptions {
  /** The name of this controller: of its own sessions it can tell whether the process lives. */
  readonly controller: string
  readonly clock: Clock
  readonly random: RandomBytes
  readonly isAlive?: (pid: number) => boolean
}

/** What came of the sessions that were there. */
export interface Resolution {
  /** Sessions that look alive, readers too. Writers among them must end before anything is sealed. */
  readonly open: readonly OpenSession[]
  /** Sessions that looked dead and were revoked. */
  readonly revoked: readonly OpenSession[]
}

/** A session that was silent for so many beats in a row looks dead, all else given. */
const silentBeats = 3
const watchMs = silentBeats * beatEveryMs
/** A session of another controller is not even watched before it was silent for so long. */
const silentMs = 6 * 60 * 60 * 1000
const pollMs = 60 * 1000

export const isWriter = ({ kind }: OpenSession): boolean => kind !== 'read'

/**
 * Decides every session that has no register: one that looks dead is revoked by a tombstone, and
 * whoever creates the register wins. A wrong guess fails one backup cleanly; no clock decides more.
 * Watches sessions that were silent for hours for three beats; waits for no other. @throws storage.*
 */
export async function resolveSessions(
  repo: WritableRepository,
  options: ResolveOptions,
  io: Io,
): Promise<Resolution> {
  const sessions = await listOpenSessions(repo, io)
  if (sessions.length === 0) return { open: [], revoked: [] }
  const now = await storeTime(repo.storage, options, io)
  const silenceMs = ({ lastSeen }: OpenSession): number => now.getTime() - lastSeen.getTime()
  const gone = sessions.filter(
    session => silenceMs(session) > watchMs && isGoneHere(session, options),
  )
  const silent = sessions.filter(
    session => !gone.includes(session) && silenceMs(session) > silentMs,
  )
  const dead = [...gone, ...(await watch(repo, silent, options.clock, io))]
  for (const session of dead) await endSession(repo, session, options.clock, io)
  return { open: await listOpenSessions(repo, io), revoked: dead }
}

/** Whether a session is of a process of this machine that has ended. */
function isGoneHere(session: OpenSession, { controller, isAlive }: ResolveOptions): boolean {
  if (isAlive === undefined || session.pid === undefined) return false
  return session.source === controller && !isAlive(session.pid)
}

/** Those that give no sign of life while they are watched, by our own monotonic clock. */
async function watch(
  repo: WritableRepository,
  sessions: readonly OpenSession[],
  clock: Clock,
  io: Io,
): Promise<readonly OpenSession[]> {
  let silent = sessions
  const began = clock.monotonicMs()
  while (silent.length > 0) {
    const leftMs = watchMs - (clock.monotonicMs() - began)
    if (leftMs <= 0) break
    await clock.sleep(Math.min(pollMs, leftMs), io.signal)
    const pulses = new Map(
      (await listOpenSessions(repo, io)).map(({ name, pulse }) => [name, pulse]),
    )
    silent = silent.filter(({ name, pulse }) => pulses.get(name) === pulse)
  }
  return silent
}
