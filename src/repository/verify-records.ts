import type { Io } from '../base/io.ts'
import type { ReadOnlyStorage } from '../storage/contract.ts'
import { standingFailures } from './checks.ts'
import { type BackupName, checkKey } from './names.ts'
import type { Backup } from './repository.ts'
import type { VerifyFault } from './verify-faults.ts'
import type { VerifyOptions } from './verify-options.ts'

/** Faults that a record names. */
const namedFaults = 20

/**
 * `checks/<S>/<nonce>`: when a backup was verified, how, and what came of it. That one is whole is
 * said only by a verification that saw all of it, and never against one that looked closer.
 */
export async function recordAll(
  backups: readonly Backup[],
  faults: readonly VerifyFault[],
  isWhole: boolean,
  options: VerifyOptions,
  io: Io,
): Promise<void> {
  const { record, readData, clock, random } = options
  if (record === undefined) return
  for (const { name } of backups) {
    const own = faults.filter(fault => fault.backups.includes(name))
    if (own.length === 0 && (!isWhole || (await isOutdone(record, name, readData, io)))) continue
    const text = JSON.stringify({
      time: clock.now().toISOString(),
      read_data: readData,
      result: own.length === 0 ? 'ok' : 'failed',
      errors: own.slice(0, namedFaults).map(({ code, block }) => ({ code, block })),
    })
    const nonce = Buffer.from(random(16)).toString('hex')
    await record.putIfAbsent(checkKey(name, nonce), Buffer.from(`${text}\n`), io)
  }
}

/** Whether a verification that failed and counts looked closer than this one. */
async function isOutdone(
  storage: ReadOnlyStorage,
  name: BackupName,
  readData: unknown,
  io: Io,
): Promise<boolean> {
  if (readData === true) return false
  const failures = await standingFailures(storage, name, io)
  return failures.some(failure => closeness(failure.readData) > closeness(readData))
}

function closeness(readData: unknown): number {
  return readData === true ? 2 : typeof readData === 'number' ? 1 : 0
}
