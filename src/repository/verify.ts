import type { Clock, RandomBytes } from '../base/clock.ts'
import { asBkpError, BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Storage } from '../storage/contract.ts'
import { listRegisters, readRegister } from './catalogue.ts'
import { type BackupName, checkKey } from './names.ts'
import type { Backup, Repository } from './repository.ts'
import { createScratch, type Scratch } from './scratch.ts'
import { checkBlocks } from './verify-blocks.ts'
import { isDamage, manifestFault, mergeFaults, type VerifyFault } from './verify-faults.ts'
import { nameAffected } from './verify-files.ts'
import { type VerifyTools, withVerifyTools } from './verify-tools.ts'

export type { VerifyFault } from './verify-faults.ts'

export interface VerifyResult {
  readonly checked: { readonly backups: number; readonly blocks: number; readonly bytes: number }
  readonly errors: readonly VerifyFault[]
}

export interface VerifyOptions {
  /** The backup to verify; all that are not forgotten by default. */
  readonly backup?: BackupName
  /** False: presence and size of blocks. True: their bytes. A number: of that percentage of them. */
  readonly readData: boolean | number
  readonly clock: Clock
  readonly random: RandomBytes
  /** Where the result is recorded, under `checks/`; nowhere without it. */
  readonly record?: Storage
  readonly scratchFolder?: string
  /** Blocks read at the same time; 4 by default. */
  readonly inFlight?: number
}

const defaultInFlight = 4

/**
 * Checks that backups can be restored: every manifest and list is read and checked, every block
 * they name is there with its size, and holds what its name says where data is read. Objects that
 * nothing names are garbage, no fault. @throws storage.*, repository.backup_not_found
 */
export async function verify(
  repo: Repository,
  options: VerifyOptions,
  io: Io,
): Promise<VerifyResult> {
  const scratch = createScratch(options.scratchFolder)
  try {
    const inFlight = options.inFlight ?? defaultInFlight
    return await withVerifyTools(inFlight, tools => verifyIn(repo, options, scratch, tools, io))
  } finally {
    await scratch.close()
  }
}

async function verifyIn(
  repo: Repository,
  options: VerifyOptions,
  scratch: Scratch,
  tools: VerifyTools,
  io: Io,
): Promise<VerifyResult> {
  const { names, single } = await chosen(repo, options.backup, io)
  const backups: Backup[] = []
  const faults: VerifyFault[] = []
  for (const name of names) {
    try {
      const manifest = await readRegister(repo, name, io)
      if (manifest !== undefined) backups.push({ name, manifest })
      else if (single) throw notThere(repo, name)
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!isDamage(error)) throw error
      faults.push(manifestFault(error, [name]))
    }
  }
  const { checked, bad, unlisted } = await checkBlocks(
    repo,
    backups,
    { readData: options.readData, random: options.random, tools },
    scratch,
    io,
  )
  for (const { backup, error } of unlisted) faults.push(manifestFault(error, [backup]))
  const affected = await nameAffected(
    repo,
    backups,
    bad,
    options.readData === true ? tools : undefined,
    io,
  )
  faults.push(...affected)
  const merged = mergeFaults(faults)
  await recordAll(backups, merged, options, io)
  return {
    checked: { backups: names.length === 0 ? 0 : backups.length, ...checked },
    errors: merged,
  }
}

async function chosen(
  repo: Repository,
  backup: BackupName | undefined,
  io: Io,
): Promise<{ readonly names: readonly BackupName[]; readonly single: boolean }> {
  if (backup !== undefined) return { names: [backup], single: true }
  const live = (await listRegisters(repo, io)).filter(({ forgotten }) => !forgotten)
  return { names: live.map(({ name }) => name), single: false }
}

function notThere(repo: Repository, name: BackupName): BkpError {
  return new BkpError('repository.backup_not_found', `${repo.url} holds no backup ${name}`, {
    hint: 'bkp list shows the backups of a repository',
    details: { backup: name },
  })
}

/** `checks/<S>/<nonce>`: when a backup was verified, how, and what came of it. */
async function recordAll(
  backups: readonly Backup[],
  faults: readonly VerifyFault[],
  options: VerifyOptions,
  io: Io,
): Promise<void> {
  if (options.record === undefined) return
  for (const { name } of backups) {
    const own = faults.filter(fault => fault.backups.includes(name))
    const text = JSON.stringify({
      time: options.clock.now().toISOString(),
      read_data: options.readData,
      result: own.length === 0 ? 'ok' : 'failed',
      errors: own.slice(0, 20).map(({ code, block }) => ({ code, block })),
    })
    const nonce = Buffer.from(options.random(16)).toString('hex')
    await options.record.putIfAbsent(checkKey(name, nonce), Buffer.from(`${text}\n`), io)
  }
}
