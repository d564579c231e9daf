import { asBkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { listRegisters, readRegister } from '../catalogue.ts'
import { failedCheck } from '../checks.ts'
import { BackupManifest_State } from '../manifest_pb.ts'
import type { BackupName } from '../names.ts'
import type { Backup, Repository } from '../repository.ts'

/** Where a backup was taken, and what tells it from all others. */
export interface BackupOrigin {
  /** The repository's id. */
  readonly repository: string
  /** Its name there. */
  readonly name: BackupName
  /** The nonce of the session that took it; empty where another tool did. */
  readonly session: Uint8Array
}

/** Where a backup of a repository was taken: there, or where it was copied from at first. */
export function originOf(repo: Pick<Repository, 'id'>, { name, manifest }: Backup): BackupOrigin {
  const { copiedFrom, session = new Uint8Array() } = manifest.backupMeta ?? {}
  if (copiedFrom !== undefined) return copiedFrom
  return { repository: repo.id, name, session }
}

/** The same text for all copies of a backup, and for no other. */
export function originKey({ repository, name, session }: BackupOrigin): string {
  if (session.length > 0) return `session ${Buffer.from(session).toString('hex')}`
  return `name ${repository} ${name}`
}

/** What a repository holds already, by where it was taken. */
export interface Holdings {
  /** The name of a copy, or of the backup itself, that serves. */
  find(key: string): BackupName | undefined
  /** Checkpoints of copies that did not end. */
  checkpoints(key: string): readonly BackupName[]
  add(key: string, name: BackupName): void
  readonly warnings: readonly string[]
}

/**
 * Reads the live manifests of a repository. A copy that failed its last verification does not count:
 * copying once more is what mends it. @throws storage.*
 */
export async function readHoldings(repo: Repository, io: Io): Promise<Holdings> {
  const whole = new Map<string, BackupName>()
  const partial = new Map<string, BackupName[]>()
  const warnings: string[] = []
  for (const { name, forgotten } of await listRegisters(repo, io)) {
    io.signal.throwIfAborted()
    if (forgotten) continue
    try {
      const manifest = await readRegister(repo, name, io)
      if (manifest === undefined) continue
      const key = originKey(originOf(repo, { name, manifest }))
      if (manifest.state === BackupManifest_State.PARTIAL) {
        partial.set(key, [...(partial.get(key) ?? []), name])
      } else if (!(await failedCheck(repo, name, io))) whole.set(key, name)
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!error.code.startsWith('repository.')) throw error
      warnings.push(`${repo.url}: ${error.message}`)
    }
  }
  return Object.freeze({
    find: (key: string) => whole.get(key),
    checkpoints: (key: string) => partial.get(key) ?? [],
    add: (key: string, name: BackupName) => void whole.set(key, name),
    warnings,
  } satisfies Holdings)
}
