import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { manifestName, manifestPrefix, nameTime } from './names.ts'
import type { Repository } from './repository.ts'

/** Clocks further apart than this stop a backup: they feed names and the retention policy. */
const toleranceMs = 5 * 60 * 1000

/**
 * Compares this machine's clock with the storage's, where it has one, and with the newest manifest.
 * @throws repository.clock with both times
 */
export async function checkClock(repo: Repository, clock: Clock, io: Io): Promise<void> {
  const now = clock.now()
  const storageNow = await repo.storage.now?.(io)
  if (storageNow !== undefined && Math.abs(now.getTime() - storageNow.getTime()) > toleranceMs) {
    throw wrongClock(now, `the storage says ${storageNow.toISOString()}`)
  }
  let newest: string | undefined
  for await (const { key } of repo.storage.list(manifestPrefix, io)) {
    newest = manifestName(key) ?? newest
  }
  if (newest !== undefined && now.getTime() + toleranceMs < nameTime(newest).getTime()) {
    throw wrongClock(now, `the newest backup is ${newest} (${nameTime(newest).toISOString()})`)
  }
}

function wrongClock(now: Date, other: string): BkpError {
  return new BkpError(
    'repository.clock',
    `this machine's clock says ${now.toISOString()}, but ${other}`,
    { hint: 'set the clock, or go on with --accept-clock if it is right' },
  )
}
