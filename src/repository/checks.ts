import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { BackupName } from './names.ts'
import type { Repository } from './repository.ts'

/** Whether the last verification of a backup found faults. @throws storage.* */
export async function failedCheck(repo: Repository, name: BackupName, io: Io): Promise<boolean> {
  let last: { readonly time: string; readonly failed: boolean } | undefined
  for await (const { key } of repo.storage.list(`checks/${name}/`, io)) {
    const record: unknown = parseJson(await repo.storage.get(key, io))
    if (!isRecord(record) || typeof record['time'] !== 'string') continue
    if (last !== undefined && record['time'] <= last.time) continue
    last = { time: record['time'], failed: record['result'] === 'failed' }
  }
  return last?.failed === true
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
