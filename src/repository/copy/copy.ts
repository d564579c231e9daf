import { asBkpError, BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { byCode } from '../../base/text.ts'
import { begunAt, clusterOf, isComplete, listRegisters, readRegister } from '../catalogue.ts'
import { checkClock } from '../clock-check.ts'
import { initialiseRepository } from '../initialise.ts'
import { BackupManifest_State } from '../manifest_pb.ts'
import type { BackupName } from '../names.ts'
import { probeStorage } from '../probe-storage.ts'
import type { Backup, Repository, WritableRepository } from '../repository.ts'
import { isDamage } from '../verify-faults.ts'
import { createWorkers } from '../workers/pool.ts'
import { type CopyOne, copyBackup } from './copy-backup.ts'
import { createKnownBlocks } from './known-blocks.ts'
import type { CopiedBackup, CopyOptions, CopyResult, FailedCopy } from './options.ts'
import { type Holdings, originKey, originOf, readHoldings } from './origin.ts'
import { type HeldBackups, holdBackups } from './pin.ts'

export type { CopyOptions, CopyResult } from './options.ts'

/** How often a copy begins again because its name was taken and a vacuum was planned meanwhile. */
const attempts = 3

/**
 * Copies backups into another repository, oldest first: only what that lacks is sent, each block
 * checked by its name. A backup keeps its name where that is free, and all it says; copies know each
 * other, so that copying again sends nothing. A damaged backup does not keep the others from being
 * copied. @throws repository.backup_not_found, repository.clock, usage.invalid, storage.*
 */
export async function copyBackups(options: CopyOptions, io: Io): Promise<CopyResult> {
  const { from, clock, random } = options
  if (from.url === options.to.url) throw sameRepository(from.url)
  const { candidates, damaged } = await chooseBackups(options, io)
  const warnings: string[] = []
  const to = await initialiseRepository(options.to, random, io)
  const holdings = await readHoldings(to, io)
  warnings.push(...holdings.warnings)
  const present: { readonly name: BackupName; readonly as: BackupName }[] = []
  const lacking: Candidate[] = []
  for (const candidate of candidates) {
    const as = holdings.find(candidate.key)
    if (as === undefined) lacking.push(candidate)
    else present.push({ name: candidate.name, as })
  }
  const copied: CopiedBackup[] = []
  const failed: FailedCopy[] = [...damaged]
  if (lacking.length === 0) return { copied, present, failed, warnings }
  const mode = await probeStorage(options.to, random, io)
  if (mode !== 'concurrent') {
    warnings.push(
      `${to.url} does not create objects atomically: run one bkp at a time on it, and vacuum it with --exclusive`,
    )
  }
  if (options.acceptClock !== true) await checkClock(to, clock, io)
  const lackingNames = lacking.map(({ name }) => name)
  const held = await hold(options, lackingNames, io)
  if (held?.warning !== undefined) warnings.push(held.warning)
  const workers = createWorkers()
  const known = createKnownBlocks(to)
  const totalBytes = lacking.reduce((sum, { bytes }) => sum + bytes, 0)
  let doneBytes = 0
  try {
    for (const [index, { name, key }] of lacking.entries()) {
      io.signal.throwIfAborted()
      options.begin?.(name, index + 1, lacking.length)
      if (options.backup === undefined && held?.forgotten.has(name) === true) {
        warnings.push(`backup ${name} was forgotten meanwhile and is not copied`)
        continue
      }
      const before = doneBytes
      try {
        const source = await readOne(from, name, io)
        const one: CopyOne = {
          from,
          to,
          source,
          origin: originOf(from, source),
          parent: await parentThere(source, from, holdings, io),
          known,
          workers,
          options,
          checkpoints: holdings.checkpoints(key),
          moved: async bytes => {
            doneBytes += bytes
            io.progress(doneBytes, totalBytes)
            await held?.beat(io)
          },
          warn: warning => void warnings.push(warning),
        }
        const done = await copyAgain(
          one,
          () => {
            doneBytes = before
          },
          io,
        )
        holdings.add(key, done.as)
        copied.push(done)
      } catch (thrown) {
        const error = asBkpError(thrown)
        if (io.signal.aborted || !isDamage(error)) throw thrown
        failed.push({ name, error })
      }
    }
  } finally {
    await held?.release()
    await workers.close()
  }
  return { copied, present, failed, warnings }
}

/** What the parent of a backup is called in the other repository, where that has it. */
async function parentThere(
  { manifest }: Backup,
  from: Repository,
  holdings: Holdings,
  io: Io,
): Promise<BackupName | undefined> {
  const name = manifest.backupMeta?.parent ?? ''
  if (name === '') return undefined
  try {
    const parent = await readRegister(from, name, io)
    if (parent === undefined) return undefined
    return holdings.find(originKey(originOf(from, { name, manifest: parent })))
  } catch (error) {
    // A parent that is damaged keeps its name in the manifest of its child.
    if (!isDamage(asBkpError(error))) throw error
    return undefined
  }
}

async function copyAgain(one: CopyOne, restart: () => void, io: Io): Promise<CopiedBackup> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    restart()
    const done = await copyBackup(one, io)
    if (done !== undefined) return done
  }
  throw new BkpError(
    'storage.failed',
    `${one.to.url}: other backups took the name ${attempts} times`,
    { hint: 'find out what else writes manifests there, then run again' },
  )
}

/** Holds the backups where the source can be written. */
async function hold(
  { from, pinIn, clock, random, controller, pid }: CopyOptions,
  names: readonly BackupName[],
  io: Io,
): Promise<HeldBackups | undefined> {
  if (pinIn === undefined) return undefined
  const repo: WritableRepository = { ...from, storage: pinIn }
  const reader = { source: controller, ...(pid === undefined ? {} : { pid }) }
  return await holdBackups(repo, names, reader, { clock, random }, io)
}

/** A backup to look at; its manifest is read again when its turn comes, for it may be large. */
interface Candidate {
  readonly name: BackupName
  readonly begun: BackupName
  /** What all copies of it have in common. */
  readonly key: string
  readonly bytes: number
}

function candidateOf(from: Repository, backup: Backup): Candidate {
  return {
    name: backup.name,
    begun: begunAt(backup),
    key: originKey(originOf(from, backup)),
    bytes: Number(backup.manifest.backupMeta?.totals?.bytes ?? 0n),
  }
}

/** The one backup, or all that are whole, oldest first; those that cannot be read beside them. */
async function chooseBackups(
  { from, backup, cluster }: CopyOptions,
  io: Io,
): Promise<{
  readonly candidates: readonly Candidate[]
  readonly damaged: readonly FailedCopy[]
}> {
  if (backup !== undefined) {
    const source = await readOne(from, backup, io)
    if (source.manifest.state === BackupManifest_State.PARTIAL) throw notWhole(backup)
    return { candidates: [candidateOf(from, source)], damaged: [] }
  }
  const candidates: Candidate[] = []
  const damaged: FailedCopy[] = []
  for (const { name, forgotten } of await listRegisters(from, io)) {
    io.signal.throwIfAborted()
    if (forgotten) continue
    try {
      const manifest = await readRegister(from, name, io)
      if (manifest === undefined || !isComplete(manifest)) continue
      if (cluster !== undefined && clusterOf(manifest).name !== cluster) continue
      candidates.push(candidateOf(from, { name, manifest }))
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!isDamage(error)) throw error
      damaged.push({ name, error })
    }
  }
  return { candidates: candidates.toSorted((a, b) => byCode(a.begun, b.begun)), damaged }
}

async function readOne(from: Repository, name: BackupName, io: Io): Promise<Backup> {
  const manifest = await readRegister(from, name, io)
  if (manifest !== undefined) return { name, manifest }
  throw new BkpError('repository.backup_not_found', `${from.url} holds no backup ${name}`, {
    hint: 'bkp list shows the backups of a repository',
    details: { backup: name },
  })
}

function notWhole(name: BackupName): BkpError {
  return new BkpError('usage.invalid', `${name} is what a backup had stored at some point`, {
    hint: 'copy a complete one; bkp list shows the state of each',
  })
}

function sameRepository(url: string): BkpError {
  return new BkpError('usage.invalid', `${url} is where the backups are already`, {
    hint: 'name another storage to copy them to',
  })
}
