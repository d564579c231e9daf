import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { ReadOnlyStorage } from '../storage/contract.ts'
import type { BackupName } from './names.ts'
import type { Repository } from './repository.ts'

/** A verification that found faults, and that none since has seen mended. */
export interface StandingFailure {
  /** How closely it looked, as its record says it. */
  readonly readData: unknown
}

/** What one record of `checks/S/` says. */
interface CheckRecord extends StandingFailure {
  readonly failed: boolean
  /** By the clock of whoever verified, in milliseconds since 1970. */
  readonly saidMs: number
  /** By the storage's clock. */
  readonly storedMs: number
}

/** A record that says to be later than it was stored, by more, is of a clock that is wrong. */
const toleranceMs = 5 * 60 * 1000

/** Whether the last verification of a backup found faults. @throws storage.* */
export async function failedCheck(repo: Repository, name: BackupName, io: Io): Promise<boolean> {
  return (await standingFailures(repo.storage, name, io)).length > 0
}

/**
 * Verifications of a backup that failed and count. Clocks of those who verify may differ, and a storage
 * that was copied by hand has other times: a failure is over once one that succeeded is later by one of
 * the two and earlier by neither.
 * @throws storage.*
 */
export async function standingFailures(
  storage: ReadOnlyStorage,
  name: BackupName,
  io: Io,
): Promise<readonly StandingFailure[]> {
  const records: CheckRecord[] = []
  for await (const { key, modified } of storage.list(`checks/${name}/`, io)) {
    const record = parseJson(await storage.get(key, io))
    if (!isRecord(record) || typeof record['time'] !== 'string') continue
    const storedMs = modified.getTime()
    const timeMs = Date.parse(record['time'])
    if (Number.isNaN(timeMs)) continue
    const saidMs = timeMs > storedMs + toleranceMs ? storedMs : timeMs
    const { result, read_data: readData } = record
    records.push({ failed: result === 'failed', readData, saidMs, storedMs })
  }
  const isOver = (failure: CheckRecord): boolean =>
    records.some(
      ({ failed, saidMs, storedMs }) =>
        !failed &&
        saidMs >= failure.saidMs &&
        storedMs >= failure.storedMs &&
        (saidMs > failure.saidMs || storedMs > failure.storedMs),
    )
  return records.filter(record => record.failed && !isOver(record))
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
