import { asBkpError, BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { clusterOf, listRegisters, readRegister } from './catalogue.ts'
import type { BackupName } from './names.ts'
import type { Backup, Repository } from './repository.ts'
import { createScratch, type Scratch } from './scratch.ts'
import { checkBlocks, type StoppedAt } from './verify-blocks.ts'
import { isDamage, manifestFault, mergeFaults, type VerifyFault } from './verify-faults.ts'
import { nameAffected } from './verify-files.ts'
import { countGarbage } from './verify-garbage.ts'
import type { BudgetOutcome, VerifyOptions, VerifyResult } from './verify-options.ts'
import { recordAll } from './verify-records.ts'
import { readRotation, startOfRotation, writeRotation } from './verify-rotation.ts'
import { type VerifyTools, withVerifyTools } from './verify-tools.ts'

export type { VerifyFault } from './verify-faults.ts'
export type { VerifyOptions, VerifyResult } from './verify-options.ts'

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
  const { budgetMs, readData, record, files, clock, at = () => {} } = options
  const started = clock.monotonicMs()
  const isTimeUp = (): boolean =>
    budgetMs !== undefined && clock.monotonicMs() - started >= budgetMs
  const rotates = budgetMs !== undefined
  const scope = rotationScope(options)
  const begin = rotates ? await readRotation(repo.storage, scope, io) : startOfRotation
  const { names, single, live } = await chosen(repo, options.backup, begin.afterBackup, io)
  const { backups, faults, left } = await readManifests(repo, names, options, isTimeUp, io)
  if (single !== undefined && backups.length + faults.length + left === 0) {
    throw notThere(repo, single)
  }
  const isAll = options.backup === undefined && options.cluster === undefined && files === undefined
  const garbage = isAll && !rotates ? countGarbage() : undefined
  at('blocks')
  const { checked, bad, unlisted, stopped } = await checkBlocks(
    repo,
    backups,
    {
      readData,
      random: options.random,
      tools,
      files,
      after: begin.afterBlock,
      isTimeUp,
      listsOnly: left > 0,
      ...(garbage === undefined ? {} : { garbage: garbage.add }),
    },
    scratch,
    io,
  )
  for (const { backup, error } of unlisted) faults.push(manifestFault(error, [backup]))
  at('files')
  // With a budget all files are walked only where something is wrong with one of them.
  if (!rotates || bad.size > 0) {
    const reading = readData === true && !rotates ? { reading: tools } : {}
    const scoped = files === undefined ? {} : { files }
    faults.push(...(await nameAffected(repo, backups, bad, { ...reading, ...scoped }, io)))
  }
  await garbage?.lookAround(repo, io)
  const { errors, forgotten } = await withoutForgotten(repo, live, mergeFaults(faults), io)
  const isComplete = stopped === undefined && left === 0
  await recordAll(backups, errors, isComplete && files === undefined, options, io)
  if (rotates && record !== undefined) {
    // Where not all lists were read, no block was compared: those go on where they were.
    const lookedAt = left > 0 ? names[names.length - left - 1] : ''
    const afterBackup = stopped?.backup || lookedAt || ''
    const next = { afterBlock: stopped?.block ?? '', afterBackup }
    await writeRotation(record, scope, next, clock, io)
  }
  const seen = stopped?.backup === undefined ? backups.length : backups.length - stopped.backupsLeft
  return {
    checked: { backups: seen, ...checked },
    errors,
    ...(garbage === undefined ? {} : { garbage: garbage.result() }),
    ...(rotates ? { budget: outcomeOf(stopped, left) } : {}),
    forgotten,
  }
}

/** The manifests, those that cannot be read, and how many there was no time for. */
async function readManifests(
  repo: Repository,
  names: readonly BackupName[],
  { cluster, at }: VerifyOptions,
  isTimeUp: () => boolean,
  io: Io,
): Promise<{
  readonly backups: readonly Backup[]
  readonly faults: VerifyFault[]
  readonly left: number
}> {
  const backups: Backup[] = []
  const faults: VerifyFault[] = []
  for (const [index, name] of names.entries()) {
    io.signal.throwIfAborted()
    // One at least: however short the time, the next run begins behind it.
    if (index > 0 && isTimeUp()) return { backups, faults, left: names.length - index }
    at?.(name)
    try {
      const manifest = await readRegister(repo, name, io)
      if (manifest === undefined) continue
      if (cluster === undefined || clusterOf(manifest).name === cluster) {
        backups.push({ name, manifest })
      }
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!isDamage(error)) throw error
      faults.push(manifestFault(error, [name]))
    }
  }
  return { backups, faults, left: 0 }
}

function rotationScope({
  backup,
  cluster,
  files,
}: VerifyOptions): Readonly<Record<string, string>> {
  return {
    backup: backup ?? '',
    cluster: cluster ?? '',
    host: files?.host ?? '',
    path: Buffer.from(files?.path ?? '').toString('hex'),
  }
}

function outcomeOf(stopped: StoppedAt | undefined, left: number): BudgetOutcome {
  const { movedBytes = 0, passedBytes = 0, totalBytes = 0, backupsLeft = 0 } = stopped ?? {}
  return {
    complete: stopped === undefined && left === 0,
    backups_left: backupsLeft + left,
    reached_end: stopped?.reachedEnd ?? left === 0,
    passed_bytes: passedBytes,
    total_bytes: totalBytes,
    runs_left: movedBytes === 0 ? null : Math.ceil((totalBytes - passedBytes) / movedBytes),
  }
}

/**
 * A vacuum may sweep what was forgotten while it was verified: that is no damage. Before anything is
 * deleted the backup is marked, so that looking again afterwards tells.
 */
async function withoutForgotten(
  repo: Repository,
  live: readonly BackupName[],
  faults: readonly VerifyFault[],
  io: Io,
): Promise<Pick<VerifyResult, 'errors' | 'forgotten'>> {
  if (faults.length === 0) return { errors: faults, forgotten: [] }
  const entries = await listRegisters(repo, io)
  const now = new Set(entries.flatMap(({ name, forgotten }) => (forgotten ? [name] : [])))
  // A sweep ends with the manifest itself.
  const there = new Set(entries.map(({ name }) => name))
  const gone = new Set(live.filter(name => now.has(name) || !there.has(name)))
  const errors = faults.flatMap(fault => {
    const backups = fault.backups.filter(name => !gone.has(name))
    return backups.length > 0 || fault.backups.length === 0 ? [{ ...fault, backups }] : []
  })
  const blamed = new Set(faults.flatMap(({ backups }) => backups))
  return { errors, forgotten: live.filter(name => gone.has(name) && blamed.has(name)) }
}

/** Names behind the one where the last run ended come first. */
function rotate(names: readonly BackupName[], after: BackupName): readonly BackupName[] {
  return [...names.filter(name => name > after), ...names.filter(name => name <= after)]
}

async function chosen(
  repo: Repository,
  backup: BackupName | undefined,
  after: BackupName,
  io: Io,
): Promise<{
  readonly names: readonly BackupName[]
  readonly single: BackupName | undefined
  /** Those of them that are not forgotten: of one that is, a person wants to know what is left. */
  readonly live: readonly BackupName[]
}> {
  const entries = (await listRegisters(repo, io)).filter(({ forgotten }) => !forgotten)
  const live = entries.map(({ name }) => name)
  if (backup === undefined) return { names: rotate(live, after), single: undefined, live }
  return { names: [backup], single: backup, live: live.filter(name => name === backup) }
}

function notThere(repo: Repository, name: BackupName): BkpError {
  return new BkpError('repository.backup_not_found', `${repo.url} holds no backup ${name}`, {
    hint: 'bkp list shows the backups of a repository',
    details: { backup: name },
  })
}
