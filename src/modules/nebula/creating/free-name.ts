import type { Clock } from '../../../base/clock.ts'
import type { Io } from '../../../base/io.ts'
import { checkpointKind } from '../../../databases/nebula/layout.ts'

/** Longer than the second that a name is of, in milliseconds. */
const longerThanAName = 1100

/**
 * Lets the second end in which the newest of these names may have been given: metad names what it makes by
 * the second, and writes over the files of one that there is (specs/nebula.md §2.0, 6). Which second it is
 * there nobody else knows: names say metad's local time.
 */
export async function awaitFreeName(
  clock: Clock,
  kind: 'backup' | 'snapshot',
  existing: readonly string[],
  io: Io,
): Promise<void> {
  if (existing.some(name => checkpointKind(name) === kind)) {
    await clock.sleep(longerThanAName, io.signal)
  }
}
