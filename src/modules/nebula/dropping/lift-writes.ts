import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { createSnapshotOnce } from '../creating/create-snapshot-once.ts'
import { type Dropping, dropEverywhere } from './drop.ts'

/**
 * Ends a block of writes that a failed createBackup may have left: CREATE SNAPSHOT ends with BLOCK_OFF on
 * every storaged (specs/nebula.md §2.0, 10), and what it made is dropped.
 * @throws nebula.not_ready where that fails: writes may still be blocked
 */
export async function liftBlockedWrites(dropping: Dropping, io: Io): Promise<void> {
  try {
    const name = await createSnapshotOnce(dropping, {}, io)
    await dropEverywhere(dropping, name, io)
  } catch (thrown) {
    if (io.signal.aborted) throw thrown
    const error = asBkpError(thrown)
    throw new BkpError(
      'nebula.not_ready',
      `writes may still be blocked, and CREATE SNAPSHOT, which would end that, failed: ${error.message}`,
      {
        hint: 'see whether an INSERT works; if not, CREATE SNAPSHOT and drop it, or restart the storageds one by one',
        cause: thrown,
      },
    )
  }
}
