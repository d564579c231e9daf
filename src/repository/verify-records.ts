import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { ReadOnlyStorage } from '../storage/contract.ts'
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

/** Whether the last verification failed, and looked closer than this one. */
async function isOutdone(
  storage: ReadOnlyStorage,
  name: BackupName,
  readData: unknown,
  io: Io,
): Promise<boolean> {
  if (readData === true) return false
  let last: Readonly<Record<string, unknown>> = { time: '' }
  for await (const { key } of storage.list(`checks/${name}/`, io)) {
    const found = parse(await storage.get(key, io))
    if (isRecord(found) && String(found['time']) > String(last['time'])) last = found
  }
  return last['result'] === 'failed' && closeness(last['read_data']) > closeness(readData)
}

function closeness(readData: unknown): number {
  return readData === true ? 2 : typeof readData === 'number' ? 1 : 0
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
