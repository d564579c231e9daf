import type { Io } from '../base/io.ts'
import { commitManifest } from './commit.ts'
import { encodeManifest } from './manifest.ts'
import type { BackupManifest } from './manifest_pb.ts'
import { type BackupName, nameTime } from './names.ts'
import type { WritableRepository } from './repository.ts'
import {
  endSession,
  openWriterSession,
  type Session,
  type SessionBody,
  type SessionTools,
  sayFarewell,
  type WriterSession,
} from './session.ts'

/** What a session stored, every block of it acknowledged. */
export interface StoredBackup {
  /** Under which it was stored. */
  readonly session: WriterSession
  readonly body: SessionBody
  readonly manifestFor: (session: Session) => BackupManifest
  /** File entries the manifest holds itself, encoded. */
  readonly entries: readonly Uint8Array[]
  readonly tools: SessionTools
  /** Where the name is taken: the next free one after it, not the first from now on. */
  readonly nearName: boolean
}

/**
 * Commits, under another name where someone else's manifest took this one. The blocks are then
 * protected by the new session only if no vacuum was planned since the old one read `gc/`: nothing
 * when all of it must be done again. Where it fails, the session it was given is the caller's to end.
 * @throws repository.session_revoked, storage.*
 */
export async function commitStored(
  repo: WritableRepository,
  stored: StoredBackup,
  io: Io,
): Promise<BackupName | undefined> {
  const { session, body, manifestFor, entries, tools, nearName } = stored
  let current = session
  for (;;) {
    const own = current
    const bytes = encodeManifest(manifestFor(own), own.name, entries)
    const committing = commitManifest(repo, own, bytes, tools.clock, io)
    const outcome = await committing.catch(async (error: unknown) => {
      if (own !== session) await sayFarewell(repo, own, tools.clock)
      throw error
    })
    if (outcome === 'committed') return own.name
    const first = nearName ? nameTime(own.name) : undefined
    current = await openWriterSession(repo, body, tools, io, first)
    if (current.garbage.generation !== session.garbage.generation) {
      await endSession(repo, current, tools.clock, io)
      return undefined
    }
  }
}
