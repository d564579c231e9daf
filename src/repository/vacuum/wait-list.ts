import type { Io } from '../../base/io.ts'
import { isRecord } from '../../base/json.ts'
import type { ObjectInfo } from '../../storage/contract.ts'
import { getIfThere } from '../get-if-there.ts'
import { type BackupName, isBackupName } from '../names.ts'
import { sameBytes, setRegister } from '../register.ts'
import type { Repository, WritableRepository } from '../repository.ts'
import { waitKey } from './collection.ts'
import type { Writer } from './registers.ts'

/**
 * Writes down whom a vacuum waits for: writers without a register, listed when its plan could be seen.
 * A session that is not among them was announced after the plan and uses nothing that the plan
 * names, so that backups that follow each other without a break hold no vacuum up. Whoever is first
 * has said it: any such list is right.
 */
export async function writeWaitList(
  repo: WritableRepository,
  number: number,
  sessions: readonly BackupName[],
  { controller, clock }: Writer,
  io: Io,
): Promise<void> {
  const body = { format: 1, created: clock.now().toISOString(), by: controller, sessions }
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`)
  const isOurs = (found: Uint8Array): boolean => sameBytes(found, bytes)
  await setRegister(repo.storage, waitKey(number), bytes, isOurs, clock, io)
}

/** Whom a vacuum waits for; nothing where that was not written down so that it can be read. */
export async function readWaitList(
  repo: Repository,
  info: ObjectInfo | undefined,
  io: Io,
): Promise<ReadonlySet<BackupName> | undefined> {
  const bytes = info === undefined ? undefined : await getIfThere(repo.storage, info.key, io)
  if (bytes === undefined) return undefined
  let body: unknown
  try {
    body = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
  if (!isRecord(body) || body['format'] !== 1 || !Array.isArray(body['sessions'])) return undefined
  const names: readonly unknown[] = body['sessions']
  const known = names.filter(name => typeof name === 'string').filter(isBackupName)
  return known.length === names.length ? new Set(known) : undefined
}
