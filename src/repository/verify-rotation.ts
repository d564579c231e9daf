import { createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { Key, ReadOnlyStorage, Storage } from '../storage/contract.ts'
import { key } from '../storage/key.ts'
import { isBackupName } from './names.ts'

/** Where the last verification with a budget ended; the next one begins behind it. */
export interface Rotation {
  /** The block's name below `data/`; empty for the beginning. */
  readonly afterBlock: string
  /** Where the time was up before all lists were read: the last backup whose lists were. */
  readonly afterBackup: string
}

export const startOfRotation: Rotation = Object.freeze({ afterBlock: '', afterBackup: '' })

/** What is rotated through: each scope has a place of its own. */
export type RotationScope = Readonly<Record<string, string>>

/**
 * `checks/rotation/<scope>/<number>`: each written once, the highest number counts. No time decides
 * anything: at worst two runs at once read the same blocks.
 */
function prefixOf(scope: RotationScope): string {
  const text = JSON.stringify(Object.entries(scope).sort())
  return `checks/rotation/${createHash('sha256').update(text).digest('hex').slice(0, 16)}/`
}

async function keysOf(
  storage: ReadOnlyStorage,
  scope: RotationScope,
  io: Io,
): Promise<readonly Key[]> {
  const keys: Key[] = []
  for await (const found of storage.list(prefixOf(scope), io)) keys.push(found.key)
  return keys
}

/** Where to begin: at the beginning, where nothing sound was recorded. @throws storage.* */
export async function readRotation(
  storage: ReadOnlyStorage,
  scope: RotationScope,
  io: Io,
): Promise<Rotation> {
  const last = (await keysOf(storage, scope, io)).at(-1)
  if (last === undefined) return startOfRotation
  const record = parse(await storage.get(last, io))
  if (!isRecord(record)) return startOfRotation
  const { after_block: block, after_backup: backup } = record
  return {
    afterBlock: typeof block === 'string' && /^[0-9a-f]{64}(\.[0-9]+)?$/.test(block) ? block : '',
    afterBackup: typeof backup === 'string' && isBackupName(backup) ? backup : '',
  }
}

/** Says where the next one begins. Earlier records have served; one that stays harms nothing. */
export async function writeRotation(
  storage: Storage,
  scope: RotationScope,
  { afterBlock, afterBackup }: Rotation,
  clock: Clock,
  io: Io,
): Promise<void> {
  const before = await keysOf(storage, scope, io)
  const last = Number(/[0-9]+$/.exec(before.at(-1) ?? '')?.[0] ?? '0')
  const time = clock.now().toISOString()
  const record = { format: 1, time, after_block: afterBlock, after_backup: afterBackup }
  const bytes = Buffer.from(`${JSON.stringify(record)}\n`)
  for (let number = last + 1; number <= last + attempts; number += 1) {
    const place = key(`${prefixOf(scope)}${String(number).padStart(10, '0')}`)
    if ((await storage.putIfAbsent(place, bytes, io)) === 'exists') continue
    // A role that may not delete leaves them.
    await storage.delete(before, io).catch(() => {})
    return
  }
}

/** Numbers tried where others take them; without a record the next run reads the same again. */
const attempts = 5

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
