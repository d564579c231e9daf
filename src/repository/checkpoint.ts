import type { Clock } from '../base/clock.ts'
import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { commitManifest, revoked } from './commit.ts'
import { readGarbageState } from './garbage.ts'
import { getIfThere } from './get-if-there.ts'
import { decodeManifest, encodeManifest, isTombstone } from './manifest.ts'
import type { BackupBlock, BackupManifest } from './manifest_pb.ts'
import { type BackupName, forgottenKey, manifestKey } from './names.ts'
import { sameBytes, setRegister } from './register.ts'
import type { WritableRepository } from './repository.ts'
import { announce, endSession, type Session, type SessionTools } from './session.ts'

export interface CheckpointOptions {
  readonly repo: WritableRepository
  /** The session of the run itself: while its register is unset, no later vacuum can pass it. */
  readonly main: Session
  readonly source: string
  /** The process, by which a vacuum of the same controller knows whether the run still lives. */
  readonly pid?: number
  /** The manifest of what is stored so far, for the checkpoint's own session. */
  readonly manifestFor: (session: Session) => BackupManifest
  /** File entries the manifest holds itself, encoded. */
  readonly entries?: readonly Uint8Array[]
  /** Every block that manifest names, its lists too; all of them acknowledged. */
  readonly blocks: () => AsyncIterable<Pick<BackupBlock, 'blockId' | 'generation'>>
  readonly tools: SessionTools
}

/**
 * Commits what a long run has so far, as a backup of state PARTIAL. The order is that of the
 * protocol (repository.md, Backup 6) and was model-checked: announce a session of its own, read
 * `gc/`, skip if a block is condemned, **then** look whether the run itself was revoked, commit.
 * Resolves to the checkpoint's name, or nothing where it was skipped.
 * @throws repository.session_revoked when the run itself was revoked
 */
export async function commitCheckpoint(
  options: CheckpointOptions,
  io: Io,
): Promise<BackupName | undefined> {
  const { repo, main, tools, source, pid } = options
  const body = { kind: 'checkpoint', source, ...(pid === undefined ? {} : { pid }) } as const
  const session = await announce(repo, body, tools, io)
  const garbage = await readGarbageState(repo.storage, io)
  if (garbage.open) {
    for await (const block of options.blocks()) {
      if (!garbage.isCondemned(block)) continue
      // Its register would else keep the vacuum waiting.
      await endSession(repo, session, tools.clock, io)
      return undefined
    }
  }
  const register = await getIfThere(repo.storage, manifestKey(main.name), io)
  if (register !== undefined) {
    await endSession(repo, session, tools.clock, io)
    if (isTombstone(decodeManifest(register, main.name))) throw revoked(repo, main)
    // Someone else's manifest has the run's name: it is not protected any more, so no checkpoint.
    return undefined
  }
  const bytes = encodeManifest(options.manifestFor(session), session.name, options.entries)
  const outcome = await commitManifest(repo, session, bytes, tools.clock, io)
  return outcome === 'committed' ? session.name : undefined
}

/** Marks a backup as no longer a root. Said twice is said once. */
export async function forget(
  repo: WritableRepository,
  name: BackupName,
  why: string,
  clock: Clock,
  io: Io,
): Promise<void> {
  const text = JSON.stringify({ why, time: clock.now().toISOString() })
  const bytes = Buffer.from(`${text}\n`)
  const isOurs = (found: Uint8Array): boolean => sameBytes(found, bytes)
  await setRegister(repo.storage, forgottenKey(name), bytes, isOurs, clock, io)
}

/** Forgets checkpoints that have served; gives a warning for each that stays (for 7 days, then a vacuum forgets it). */
export async function forgetAll(
  repo: WritableRepository,
  checkpoints: readonly BackupName[],
  why: string,
  clock: Clock,
  io: Io,
): Promise<readonly string[]> {
  const warnings: string[] = []
  for (const name of checkpoints) {
    try {
      await forget(repo, name, why, clock, io)
    } catch (error) {
      warnings.push(`checkpoint ${name} could not be forgotten: ${asBkpError(error).message}`)
    }
  }
  return warnings
}
