import { asBkpError, BkpError, type BkpErrorOptions } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Generation } from '../../../databases/nebula/contract.ts'
import type { Dropping } from '../dropping/drop.ts'
import { dropNew } from '../dropping/drop-new.ts'
import { liftBlockedWrites } from '../dropping/lift-writes.ts'
import { dropStrays } from './drop-strays.ts'
import { logOfMetad } from './log-of-metad.ts'

/** What metad answers before it blocks anything (specs/nebula.md §2.0, 1 to 5). */
const beforeBlocking: ReadonlySet<unknown> = new Set([
  'E_LEADER_CHANGED',
  'E_NO_HOSTS',
  'E_BACKUP_BUILDING_INDEX',
  'E_BACKUP_RUNNING_JOBS',
  'E_SNAPSHOT_RUNNING_JOBS',
  'E_BACKUP_SPACE_NOT_FOUND',
  'E_SPACE_NOT_FOUND',
])

/** Export of the meta tables failed: up to 3.0 this way out forgets to unblock (§2.0, 10). */
const exportFailures: ReadonlySet<unknown> = new Set([
  'E_BACKUP_FAILED',
  'E_BACKUP_FAILURE',
  'E_BACKUP_EMPTY_TABLE',
  'E_BACKUP_TABLE_FAILED',
])

/** Whether a createBackup that answered so may have left writes blocked. */
export function mayLeaveBlocked(
  name: unknown,
  { generation, version }: { readonly generation: Generation; readonly version: string | null },
): boolean {
  // Blocking failed half-way, or unblocking did.
  if (name === 'E_BLOCK_WRITE_FAILURE') return true
  const forgets =
    generation === '2.0' ||
    generation === '2.1' ||
    (generation === '3.0' && !/^v?3\.[12](?:\D|$)/.test(version ?? ''))
  return forgets && exportFailures.has(name)
}

/**
 * Tidies up after a createBackup or a CREATE SNAPSHOT that failed, and says what was done: what it left is dropped, and writes
 * that may be blocked are let go. Nothing of a lost answer is adopted: a new leader does not have the
 * files of the meta (specs/nebula.md §6).
 * @returns the error to throw
 */
export async function afterFailure(
  thrown: unknown,
  dropping: Dropping,
  known: {
    readonly kind: 'backup' | 'snapshot'
    readonly existing: readonly string[]
    readonly generation: Generation
    readonly version: string | null
  },
  io: Io,
): Promise<BkpError> {
  const error = asBkpError(thrown)
  const isLost = error.code === 'nebula.outcome_unknown'
  const nothingDone =
    (!isLost && error.code !== 'nebula.backup_failed') || beforeBlocking.has(error.details['name'])
  if (io.signal.aborted) return error
  if (nothingDone) return await afterRefusal(error, dropping, known, io)
  // Before tidying up adds its own lines.
  const log = await logOfMetad(error, dropping, io)
  const done: string[] = []
  let isTidy = true
  try {
    const blocks = mayLeaveBlocked(error.details['name'], known)
    const { dropped, lifted } = await dropNew(dropping, new Set(known.existing), known.kind, {
      liftsWrites: isLost ? 'unless_whole' : 'never',
      io,
    })
    if (dropped !== undefined) done.push(`${dropped.name}, which it left, is dropped`)
    if (blocks && !lifted) await liftBlockedWrites(dropping, io)
    if (blocks || lifted) done.push('writes that it may have left blocked are let go')
    if (done.length === 0) done.push('it left nothing')
  } catch (cleaning) {
    if (io.signal.aborted) return error
    isTidy = false
    done.push(`tidying up failed: ${asBkpError(cleaning).message}`)
  }
  const failure = new BkpError('nebula.backup_failed', `${error.message}; ${done.join('; ')}`, {
    hint: isLost && isTidy ? 'run it again' : (error.hint ?? 'run it again'),
    cause: error,
    details: { ...error.details, ...log },
  })
  return isTidy ? settled(failure) : failure
}

/**
 * Nothing was begun as far as the metad knows that answered last. One that was asked before it may have
 * stopped leading in the middle, and left what it had made; its writes are not blocked, since it answered
 * (specs/nebula.md §2.0: that answer comes before BLOCK_ON or after BLOCK_OFF).
 */
async function afterRefusal(
  error: BkpError,
  dropping: Dropping,
  known: { readonly kind: 'backup' | 'snapshot'; readonly existing: readonly string[] },
  io: Io,
): Promise<BkpError> {
  try {
    const lines = await dropStrays(dropping, known, io)
    const message = [error.message, ...lines].join('; ')
    return settled(new BkpError(error.code, message, { ...keptOf(error), details: error.details }))
  } catch {
    // Not settled: a release looks again.
    return error
  }
}

/** The same error, which leaves in its result that nothing is to be released any more. */
export function settled(error: BkpError): BkpError {
  return new BkpError(error.code, error.message, {
    ...keptOf(error),
    details: { ...error.details, result: { settled: true } },
  })
}

function keptOf({ hint, cause }: BkpError): Pick<BkpErrorOptions, 'hint' | 'cause'> {
  return { ...(hint === undefined ? {} : { hint }), ...(cause === undefined ? {} : { cause }) }
}
