import { asBkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import { type BackupOptions, backUp } from '../../../src/repository/backup.ts'
import { forget } from '../../../src/repository/checkpoint.ts'
import { copyBackups } from '../../../src/repository/copy/copy.ts'
import { sha256 } from '../../../src/repository/manifest.ts'
import type { BackupName } from '../../../src/repository/names.ts'
import { openRepository, type Repository, readBackup } from '../../../src/repository/repository.ts'
import { endSession, pinBackup } from '../../../src/repository/session.ts'
import { cancelVacuum } from '../../../src/repository/vacuum/cancel.ts'
import {
  type VacuumOptions,
  type VacuumResult,
  vacuum,
} from '../../../src/repository/vacuum/vacuum.ts'
import { verify } from '../../../src/repository/verify.ts'
import type { Workers } from '../../../src/repository/workers/contract.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import {
  backupOptions,
  type MemoryHost,
  smallGeometry,
  testClock,
  testRandom,
  treeOf,
} from '../support.ts'
import { hostName, runLabel } from './ledger.ts'
import type { Process } from './process.ts'
import { isViolation, violation } from './violation.ts'
import type { World } from './world.ts'

/** What a process is given: its storage may be one that a mutant got hold of. */
export interface Stage {
  readonly world: World
  readonly process: Process
  readonly storage: Storage
}

/** Hashes where it is called: threads would make the order of things a matter of chance. */
const workers: Workers = Object.freeze({
  hash: async (bytes: Uint8Array) => ({ bytes, sha256: sha256(bytes) }),
  readRange: noFiles,
  readFiles: noFiles,
  writePieces: noFiles,
  close: async () => {},
})

async function noFiles(): Promise<never> {
  throw new Error('the simulation has no files')
}

const controller = 'controller'

/** What may go wrong for anyone: the storage, and clocks that are compared. */
const common = ['storage.unreachable', 'repository.clock']

/** A failure that is documented, or a violation. */
function allow(error: unknown, codes: readonly string[], who: string): string {
  if (isViolation(error)) throw error
  const { code, message } = asBkpError(error)
  if (common.includes(code) || codes.includes(code)) return code
  throw violation('error', `${who} failed: ${code} ${message}`)
}

/** Backs up the host; the ledger knows what it must restore to. Resolves to why it failed, if it did. */
export async function writeBackup(
  { world, process, storage }: Stage,
  host: MemoryHost,
  changes: Partial<BackupOptions> = {},
): Promise<string | undefined> {
  const { name, clock } = process
  world.ledger.expect(name, host.tree())
  try {
    await backUp(
      {
        storage,
        sources: [host],
        cluster: { kind: 'files', name: 'demo' },
        geometry: smallGeometry,
        clock,
        random: testRandom(name),
        controller,
        pid: 1,
        toolVersion: '0.1.0',
        labels: { [runLabel]: name },
        workers,
        acceptClock: true,
        ...changes,
      },
      quietIo,
    )
    return undefined
  } catch (error) {
    return allow(error, ['repository.session_revoked', 'storage.failed'], name)
  }
}

/** Another repository, whose backups are copied into the simulated one. */
export async function createOrigin(
  world: World,
  hosts: readonly MemoryHost[],
): Promise<Repository> {
  const storage = createMemoryStorage('origin')
  const clock = testClock()
  for (const [index, host] of hosts.entries()) {
    clock.advance(2000)
    const run = `origin${index}`
    world.ledger.expect(run, host.tree())
    const labels = { [runLabel]: run }
    await backUp(backupOptions(storage, [host], { clock, labels, workers }), quietIo)
  }
  return await openRepository(storage, quietIo)
}

/** Copies all backups of that repository into the simulated one. */
export async function copyAll(
  { process, storage }: Stage,
  from: Repository,
  checkpointEveryMs: number,
): Promise<void> {
  const { name, clock } = process
  const random = testRandom(name)
  const options = { from, to: storage, clock, random, controller, pid: 1, checkpointEveryMs }
  try {
    const { failed } = await copyBackups(
      { ...options, acceptClock: true, geometry: smallGeometry },
      quietIo,
    )
    for (const { error } of failed) throw error
  } catch (error) {
    allow(error, ['repository.session_revoked', 'storage.failed'], name)
  }
}

/** Runs a vacuum. Resolves to what it did, or why it failed. */
export async function runVacuum(
  { process, storage }: Stage,
  changes: Partial<VacuumOptions> = {},
): Promise<VacuumResult | string> {
  const { name, clock } = process
  try {
    return await vacuum(
      {
        storage,
        clock,
        random: testRandom(name),
        controller,
        quarantineMs: 0,
        confirmed: true,
        acceptClock: true,
        ...changes,
      },
      quietIo,
    )
  } catch (error) {
    // What it read as live may be forgotten and swept by another one before it was read whole.
    return allow(error, ['repository.block_missing', 'storage.failed'], name)
  }
}

/** Marks a backup as no longer a root. */
export async function forgetOne({ process, storage }: Stage, backup: BackupName): Promise<void> {
  try {
    const repo = await openRepository(storage, quietIo)
    await forget(repo, backup, 'the simulation wants it', process.clock, quietIo)
  } catch (error) {
    allow(error, ['storage.failed'], process.name)
  }
}

/** Cancels the vacuum that is open, if one is. */
export async function cancelOne({ process, storage }: Stage): Promise<void> {
  try {
    await cancelVacuum({ storage, controller, clock: process.clock }, quietIo)
  } catch (error) {
    allow(error, ['repository.sealed', 'storage.failed'], process.name)
  }
}

/** Pins a backup, and reads all of it if it was not forgotten before. */
export async function restoreOne(
  { world, process, storage }: Stage,
  backup: BackupName,
): Promise<void> {
  const { name, clock } = process
  let session: BackupName | undefined
  try {
    const repo = await openRepository(storage, quietIo)
    const tools = { clock, random: testRandom(name) }
    const pinned = await pinBackup(repo, backup, controller, tools, quietIo)
    session = pinned.session.name
    if (!pinned.forgotten) {
      const found = await treeOf(repo, await readBackup(repo, backup, quietIo), hostName)
      const seen = world.ledger.seenBy(backup)
      for (const [path, what] of found) {
        if (seen?.get(path) === what) continue
        throw violation('reader', `${backup}: ${path} is ${what}, not ${seen?.get(path)}`)
      }
    }
    await endSession(repo, pinned.session, clock, quietIo)
  } catch (error) {
    // One that was taken for dead holds nothing any more.
    const isRevoked = session !== undefined && world.ledger.isRevoked(session)
    const codes = ['storage.failed', ...(isRevoked ? ['repository.block_missing'] : [])]
    allow(error, codes, name)
  }
}

/** Verifies all that is live, and records it where that is wanted. */
export async function verifyAll(
  { world, process, storage }: Stage,
  record: boolean,
): Promise<void> {
  const { name, clock } = process
  try {
    const repo = await openRepository(storage, quietIo)
    const tools = { clock, random: testRandom(name) }
    const options = { readData: true, ...tools, ...(record ? { record: storage } : {}) }
    const { errors } = await verify(repo, options, quietIo)
    for (const { backups, code } of errors) {
      const live = backups.find(backup => world.ledger.isLive(backup))
      // What was forgotten after it was listed may be gone before it was read.
      if (live !== undefined) throw violation('reader', `${live} does not verify: ${code}`)
    }
  } catch (error) {
    allow(error, ['storage.failed'], name)
  }
}
