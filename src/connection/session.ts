import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import { orAbort } from './abort.ts'
import type { Transport } from './channel.ts'
import type { Group } from './groups.ts'
import { joinLines, script } from './quote.ts'
import type { Slots } from './slots.ts'

/** What everything that is done on one host shares. */
export interface Session {
  /** The host's name in the inventory, for messages. */
  readonly host: string
  readonly transport: Transport
  /** Channels besides the long-lived shell. */
  readonly slots: Slots
  readonly random: RandomBytes
  readonly clock: Clock
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  readonly graceMs: number
  /** What runs on the host for somebody, or was not seen to end: what is left when the connection breaks. */
  readonly groups: Set<Group>
  /** Ends of groups that take long because the connection hangs. */
  readonly endings: Set<Promise<unknown>>
}

/** A session in which nothing runs yet. */
export function createSession(parts: Omit<Session, 'groups' | 'endings'>): Session {
  return Object.freeze({ ...parts, groups: new Set<Group>(), endings: new Set<Promise<unknown>>() })
}

/** Waits until nothing is being ended on a connection that hung. @throws step.cancelled */
export async function untilEnded(session: Pick<Session, 'endings'>, io: Io): Promise<void> {
  if (session.endings.size > 0) await orAbort(Promise.allSettled(session.endings), io.signal)
}

/**
 * What programs whose words are read run in: messages are in English and times in UTC; no profile is read
 * by the shell's children.
 */
export const readable: Buffer = joinLines([
  script`export LC_ALL=C TZ=UTC`,
  script`unset LANGUAGE HISTFILE ENV BASH_ENV CDPATH`,
])

/** What every shell is told first. New files are 0644; nothing of it lands in a history. */
export const prologue: Buffer = Buffer.concat([readable, joinLines([script`umask 022`])])

/** A word that nobody can foretell, to tell our words from a program's. */
export function newMarker(session: Pick<Session, 'random'>): Buffer {
  return Buffer.from(`bkp-${Buffer.from(session.random(16)).toString('hex')}`)
}

/** Waits for the promise, but no longer than that; leaves no timer behind. */
export async function within(
  session: Pick<Session, 'clock'>,
  promise: Promise<unknown>,
  milliseconds: number,
): Promise<void> {
  const done = new AbortController()
  try {
    await Promise.race([promise, session.clock.sleep(milliseconds, done.signal).catch(() => {})])
  } finally {
    done.abort()
  }
}
