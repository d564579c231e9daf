import type { Io } from '../../base/io.ts'
import { isRecord } from '../../base/json.ts'
import type { ObjectInfo, ReadOnlyStorage } from '../../storage/contract.ts'
import { getIfThere } from '../get-if-there.ts'
import {
  type BackupName,
  isBackupName,
  manifestName,
  manifestPrefix,
  sessionKey,
} from '../names.ts'
import type { Repository } from '../repository.ts'

/** A session whose register is not set: it may still commit, or holds backups for reading. */
export interface OpenSession {
  readonly name: BackupName
  /** A body that cannot be read counts as a writer's. */
  readonly kind: 'backup' | 'checkpoint' | 'read' | 'unknown'
  /** The controller and its process, where the body says. */
  readonly source: string
  readonly pid: number | undefined
  /** When it began, by its own clock; the storage's where it does not say. */
  readonly since: Date
  readonly pins: readonly BackupName[]
  /** When it last said that it lives, by the storage's clock. */
  readonly lastSeen: Date
  /** Changes with each sign of life. */
  readonly pulse: string
}

const sessionPrefix = 'sessions/'
const beatPrefix = 'beats/'

/** Every session without a register, oldest first. @throws storage.* */
export async function listOpenSessions(repo: Repository, io: Io): Promise<readonly OpenSession[]> {
  const sessions = await infoByName(repo.storage, sessionPrefix, io)
  if (sessions.size === 0) return []
  const beats = await infoByName(repo.storage, beatPrefix, io)
  // Registers last: one that was set meanwhile is one session less to wait for.
  const registers = await listRegisterNames(repo.storage, io)
  const open: OpenSession[] = []
  for (const [name, info] of sessions) {
    if (registers.has(name)) continue
    const body = await getIfThere(repo.storage, sessionKey(name), io)
    if (body !== undefined) open.push(describe(name, info, beats.get(name), parse(body)))
  }
  return open
}

/** Names of all registers that are set, tombstones too. */
export async function listRegisterNames(
  storage: ReadOnlyStorage,
  io: Io,
): Promise<ReadonlySet<BackupName>> {
  const names = new Set<BackupName>()
  for await (const { key } of storage.list(manifestPrefix, io)) {
    const name = manifestName(key)
    if (name !== undefined) names.add(name)
  }
  return names
}

/** Sessions, or beats, and when they were written. */
export async function infoByName(
  storage: ReadOnlyStorage,
  prefix: typeof sessionPrefix | typeof beatPrefix,
  io: Io,
): Promise<ReadonlyMap<BackupName, ObjectInfo>> {
  const found = new Map<BackupName, ObjectInfo>()
  for await (const info of storage.list(prefix, io)) {
    const name = info.key.slice(prefix.length)
    if (isBackupName(name)) found.set(name, info)
  }
  return found
}

function describe(
  name: BackupName,
  session: ObjectInfo,
  beat: ObjectInfo | undefined,
  body: Readonly<Record<string, unknown>>,
): OpenSession {
  const kind = body['kind']
  const pins = body['pins']
  const started = new Date(typeof body['started'] === 'string' ? body['started'] : Number.NaN)
  const last = beat !== undefined && beat.modified > session.modified ? beat : session
  return {
    name,
    kind: kind === 'backup' || kind === 'checkpoint' || kind === 'read' ? kind : 'unknown',
    source: typeof body['source'] === 'string' ? body['source'] : 'unknown',
    pid: typeof body['pid'] === 'number' ? body['pid'] : undefined,
    since: Number.isNaN(started.getTime()) ? session.modified : started,
    pins: Array.isArray(pins)
      ? pins.filter(pin => typeof pin === 'string' && isBackupName(pin))
      : [],
    lastSeen: last.modified,
    pulse: beat === undefined ? '' : `${beat.etag} ${beat.modified.getTime()} ${beat.sizeBytes}`,
  }
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(Buffer.from(bytes).toString())
    return isRecord(body) ? body : {}
  } catch {
    return {}
  }
}
