import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { Transport } from './channel.ts'
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
}

/**
 * What every shell is told first. Messages are in English and times in UTC, because programs read
 * them; new files are 0644; nothing of it lands in a history, and no profile is read by its children.
 */
export const prologue: Buffer = joinLines([
  script`export LC_ALL=C TZ=UTC`,
  script`unset LANGUAGE HISTFILE ENV BASH_ENV CDPATH`,
  script`umask 022`,
])

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

const pollMs = 50

/**
 * Ends a process group on the host: SIGTERM, and SIGKILL for what is left after the grace. Resolves
 * when it is gone. A connection that is lost cannot end anything: then it returns at once.
 */
export async function endGroup(session: Session, leader: number, io: Io): Promise<void> {
  if (!session.transport.isAlive()) return
  const polls = Math.max(1, Math.ceil(session.graceMs / pollMs))
  const text = joinLines([
    script`{ p=${leader}; i=0`,
    // What has ended but was not waited for yet (a zombie) still takes signals, and is not alive.
    script`alive() {`,
    script`  kill -0 "-$p" 2>/dev/null || kill -0 "$p" 2>/dev/null || return 1`,
    script`  [ -r /proc/self/stat ] || return 0`,
    script`  for f in /proc/[0-9]*/stat; do`,
    script`    read -r line <"$f" || continue`,
    script`    set -- "\${f#/proc/}" \${line##*) }`,
    script`    [ "$4" = "$p" ] || [ "\${1%/stat}" = "$p" ] || continue`,
    script`    case $2 in Z|X) ;; *) return 0 ;; esac`,
    script`  done 2>/dev/null`,
    script`  return 1`,
    script`}`,
    // The process may not lead its group yet: then it is alone.
    script`kill -TERM "-$p" 2>/dev/null || kill -TERM "$p" 2>/dev/null || exit 0`,
    script`kill -CONT "-$p" 2>/dev/null`,
    script`while alive; do`,
    script`  if [ $i -ge ${polls} ]; then kill -KILL "-$p" 2>/dev/null; kill -KILL "$p" 2>/dev/null; exit 0; fi`,
    script`  sleep ${Buffer.from(String(pollMs / 1000))} 2>/dev/null || sleep 1; i=$((i + 1))`,
    script`done; exit 0; }`,
  ])
  const channel = await session.transport.open(io)
  channel.stdout.resume()
  channel.stderr.resume()
  channel.stdin.end(Buffer.concat([prologue, text]))
  await channel.ended
  channel.close()
}
