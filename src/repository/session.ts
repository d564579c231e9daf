import { type Clock, compactTime, type RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { type GarbageState, readGarbageState } from './garbage.ts'
import { getIfThere } from './get-if-there.ts'
import { tombstone } from './manifest.ts'
import { type BackupName, beatKey, forgottenKey, manifestKey, sessionKey } from './names.ts'
import { sameBytes, setRegister } from './register.ts'
import type { WritableRepository } from './repository.ts'

/** Time and randomness of whoever writes. */
export interface SessionTools {
  readonly clock: Clock
  readonly random: RandomBytes
}

/** What the body of `sessions/S` says, as a line of JSON; only `pins` is more than information. */
export interface SessionBody {
  readonly kind: 'backup' | 'checkpoint' | 'read'
  /** The controller and the process: for people who wonder whether it still lives. */
  readonly source: string
  readonly pid?: number
  /** Backups that a reader holds. */
  readonly pins?: readonly BackupName[]
}

/** An announced session, which no vacuum can overlook. */
export interface Session {
  /** Its name, and that of the register it may set. */
  readonly name: BackupName
  /** Random, 16 bytes: how a writer knows that a register is its own. */
  readonly nonce: Uint8Array
}

/** A session that read `gc/` after it was announced: only such a one may name blocks. */
export interface WriterSession extends Session {
  readonly garbage: GarbageState
}

/** Seconds tried one after the other when names are taken. */
const longestSkip = 3600

/**
 * Announces a session under the first free second from now on, or from `first` on: one with neither
 * session nor manifest. An answer that was lost finds its own announcement again.
 */
export async function announce(
  repo: WritableRepository,
  body: SessionBody,
  tools: SessionTools,
  io: Io,
  first?: Date,
): Promise<Session> {
  const nonce = tools.random(16)
  const started = tools.clock.now()
  const text = JSON.stringify({
    nonce: Buffer.from(nonce).toString('hex'),
    ...body,
    started: started.toISOString(),
  })
  const bytes = Buffer.from(`${text}\n`)
  for (let skipped = 0; skipped < longestSkip; skipped += 1) {
    const name = compactTime(new Date((first ?? started).getTime() + skipped * 1000))
    if (await hasManifest(repo, name, io)) continue
    const isOurs = (found: Uint8Array): boolean => sameBytes(found, bytes)
    const { storage } = repo
    const outcome = await setRegister(storage, sessionKey(name), bytes, isOurs, tools.clock, io)
    // Asked again: a vacuum cleans up sessions whose register is set, so that the name could have
    // been someone's all the while, and a session with a set register is seen by no vacuum.
    if (outcome.won && !(await hasManifest(repo, name, io))) return Object.freeze({ name, nonce })
  }
  throw new BkpError('storage.failed', `${repo.url}: no free name for a session within an hour`, {
    hint: 'check the clock of this machine',
  })
}

async function hasManifest(repo: WritableRepository, name: BackupName, io: Io): Promise<boolean> {
  const wanted = manifestKey(name)
  for await (const { key } of repo.storage.list(wanted, io)) if (key === wanted) return true
  return false
}

/** Announces a writer's session, **then** reads `gc/`: in this order a vacuum or we see the other. */
export async function openWriterSession(
  repo: WritableRepository,
  body: SessionBody,
  tools: SessionTools,
  io: Io,
  first?: Date,
): Promise<WriterSession> {
  const session = await announce(repo, body, tools, io, first)
  const garbage = await readGarbageState(repo.storage, io)
  return Object.freeze({ ...session, garbage })
}

/** Ends a session that committed nothing: its register takes a tombstone, unless it was set before. */
export async function endSession(
  repo: WritableRepository,
  session: Pick<Session, 'name'>,
  clock: Clock,
  io: Io,
): Promise<void> {
  const isOurs = (found: Uint8Array): boolean => sameBytes(found, tombstone)
  await setRegister(repo.storage, manifestKey(session.name), tombstone, isOurs, clock, io)
}

/** Time to say that a session is over, in milliseconds, before that is left to a vacuum. */
const farewellMs = 10_000

/** A courtesy of whoever fails: a vacuum need not wait for the session. It finds out by itself, too. */
export async function sayFarewell(
  repo: WritableRepository,
  session: Pick<Session, 'name'>,
  clock: Clock,
): Promise<void> {
  // The run's own signal may be what ended it.
  const io: Io = { signal: AbortSignal.timeout(farewellMs), progress: () => {} }
  await endSession(repo, session, clock, io).catch(() => {})
}

/** A backup that no vacuum may sweep until its session is ended. */
export interface PinnedBackup {
  readonly session: Session
  /** It was forgotten before the pin: its blocks may be gone already. */
  readonly forgotten: boolean
}

/**
 * Pins a backup for reading (a restore does): announces a session that names it, then looks whether
 * it was forgotten meanwhile. Writes into the repository; planning does not call it.
 */
export async function pinBackup(
  repo: WritableRepository,
  name: BackupName,
  source: string,
  tools: SessionTools,
  io: Io,
  pid?: number,
): Promise<PinnedBackup> {
  const process = pid === undefined ? {} : { pid }
  const session = await announce(
    repo,
    { kind: 'read', source, ...process, pins: [name] },
    tools,
    io,
  )
  const forgotten = (await getIfThere(repo.storage, forgottenKey(name), io)) !== undefined
  return Object.freeze({ session, forgotten })
}

/** How often a session says that it lives, in milliseconds. */
export const beatEveryMs = 5 * 60 * 1000

/**
 * Says that a session lives, at most every five minutes, when called. A hint for vacuums: a beat
 * that cannot be written harms nothing.
 */
export function createBeat(
  repo: WritableRepository,
  session: Session,
  clock: Clock,
): (io: Io) => Promise<void> {
  let last: number | undefined
  let count = 0
  return async io => {
    const now = clock.monotonicMs()
    if (last !== undefined && now - last < beatEveryMs) return
    last = now
    count += 1
    const beat = { count, time: clock.now().toISOString() }
    try {
      const bytes = Buffer.from(`${JSON.stringify(beat)}\n`)
      await repo.storage.put(beatKey(session.name), bytes, io)
    } catch (error) {
      if (io.signal.aborted) throw error
    }
  }
}
