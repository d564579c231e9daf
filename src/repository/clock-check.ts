import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { getIfThere } from './get-if-there.ts'
import { tombstone } from './manifest.ts'
import {
  type BackupName,
  forgottenKey,
  manifestKey,
  manifestName,
  manifestPrefix,
  nameTime,
} from './names.ts'
import { sameBytes } from './register.ts'
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
  const newest = await newestAhead(repo, new Date(now.getTime() + toleranceMs), io)
  if (newest !== undefined) {
    throw wrongClock(now, `the newest backup is ${newest} (${nameTime(newest).toISOString()})`)
  }
}

/** The newest backup that is later than it can be; forgotten ones and tombstones stand for nothing. */
async function newestAhead(
  repo: Repository,
  latest: Date,
  io: Io,
): Promise<BackupName | undefined> {
  const ahead: BackupName[] = []
  for await (const { key } of repo.storage.list(manifestPrefix, io)) {
    const name = manifestName(key)
    if (name !== undefined && nameTime(name) > latest) ahead.push(name)
  }
  for (const name of ahead.reverse()) {
    if ((await getIfThere(repo.storage, forgottenKey(name), io)) !== undefined) continue
    const bytes = await getIfThere(repo.storage, manifestKey(name), io)
    if (bytes !== undefined && !sameBytes(bytes, tombstone)) return name
  }
  return undefined
}

function wrongClock(now: Date, other: string): BkpError {
  return new BkpError(
    'repository.clock',
    `this machine's clock says ${now.toISOString()}, but ${other}`,
    { hint: 'set the clock, or go on with --accept-clock if it is right' },
  )
}
