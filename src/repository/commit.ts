import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { decodeManifest, isTombstone, tombstone } from './manifest.ts'
import type { BackupManifest } from './manifest_pb.ts'
import { manifestKey } from './names.ts'
import { sameBytes, setRegister } from './register.ts'
import type { WritableRepository } from './repository.ts'
import type { Session } from './session.ts'

/** How a commit ended. `foreign`: someone else's manifest has that name; begin a new session. */
export type CommitOutcome = 'committed' | 'foreign'

/**
 * The one commit: creates `manifests/S.manifest`. Every block the manifest names must have been
 * acknowledged. An answer that was lost is settled by putting again; when the storage stays silent,
 * a tombstone is tried, so that it is known who won.
 * @throws repository.session_revoked, storage.*
 */
export async function commitManifest(
  repo: WritableRepository,
  session: Session,
  bytes: Uint8Array,
  clock: Clock,
  io: Io,
): Promise<CommitOutcome> {
  const key = manifestKey(session.name)
  const isOurs = (found: Uint8Array): boolean => isManifestOf(found, session, bytes)
  try {
    const outcome = await setRegister(repo.storage, key, bytes, isOurs, clock, io)
    if (outcome.won) return 'committed'
    if (isRevoked(outcome.bytes, session)) throw revoked(repo, session)
    return 'foreign'
  } catch (error) {
    if (error instanceof BkpError && error.code === 'repository.session_revoked') throw error
    return await giveUp(repo, session, bytes, error)
  }
}

/** Time to find out who won, before the user is told that it is not known. */
const giveUpMs = 10_000

/** A negative read is never final: only a register that holds something else says we lost. */
async function giveUp(
  repo: WritableRepository,
  session: Session,
  bytes: Uint8Array,
  failure: unknown,
): Promise<CommitOutcome> {
  const key = manifestKey(session.name)
  // A run that was interrupted here must still know what became of its commit.
  const io: Io = { signal: AbortSignal.timeout(giveUpMs), progress: () => {} }
  let found: Uint8Array
  try {
    if ((await repo.storage.putIfAbsent(key, tombstone, io)) === 'created') throw failure
    found = await repo.storage.get(key, io)
  } catch (error) {
    if (error === failure) throw error
    throw new BkpError(
      'storage.unreachable',
      `${repo.url} did not say whether backup ${session.name} was committed`,
      {
        cause: failure,
        hint: 'bkp list shows whether it is there; it is complete if it is. Otherwise run again',
      },
    )
  }
  if (isManifestOf(found, session, bytes)) return 'committed'
  throw failure
}

function isManifestOf(found: Uint8Array, session: Session, bytes: Uint8Array): boolean {
  if (sameBytes(found, bytes)) return true
  const nonce = parse(found, session)?.backupMeta?.session
  return nonce !== undefined && nonce.length > 0 && sameBytes(nonce, session.nonce)
}

function isRevoked(found: Uint8Array, session: Session): boolean {
  const manifest = parse(found, session)
  return manifest !== undefined && isTombstone(manifest)
}

/** Bytes that are no manifest of ours are someone else's. */
function parse(found: Uint8Array, session: Session): BackupManifest | undefined {
  try {
    return decodeManifest(found, session.name)
  } catch {
    return undefined
  }
}

/** The error of a session whose register holds a tombstone. */
export function revoked(repo: WritableRepository, session: Session): BkpError {
  return new BkpError(
    'repository.session_revoked',
    `a vacuum of ${repo.url} took backup ${session.name} for dead and revoked it`,
    {
      hint: 'run the backup again; nothing of it was committed',
      details: { backup: session.name },
    },
  )
}
