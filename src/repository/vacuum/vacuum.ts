import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { forget } from '../checkpoint.ts'
import { checkClock } from '../clock-check.ts'
import { renewProbe } from '../probe-storage.ts'
import { openRepository, type WritableRepository } from '../repository.ts'
import { createScratch, type Scratch } from '../scratch.ts'
import { cleanUpSessions } from './clean-up.ts'
import { isOpen, type OpenCollection, readCollection } from './collection.ts'
import type { OpenSession } from './open-sessions.ts'
import { applyPolicy, heavyLosses, type Verdict } from './policy.ts'
import { createReferences, type References } from './references.ts'
import * as registers from './registers.ts'
import { isWriter, resolveSessions } from './resolve-sessions.ts'
import type { VacuumOptions, VacuumResult, WaitedFor } from './result.ts'
import { addRoots, liveNames } from './roots.ts'
import { surveyBackups } from './survey-backups.ts'
import { sweep } from './sweep.ts'

export type { RetentionPolicy, Verdict } from './policy.ts'
export type {
  PlanVacuumOptions,
  VacuumOptions,
  VacuumResult,
  VacuumState,
  WaitedFor,
} from './result.ts'

/** How old a plan is before anything of it is deleted. */
export const defaultQuarantineMs = 24 * 60 * 60 * 1000
/** Vacuums one run carries through: more only where one plan does not take all garbage. */
const mostRounds = 1000
/** Unknown keys that are named. */
const shownKeys = 5

/** What a run found out so far. */
interface Run {
  readonly repo: WritableRepository
  readonly options: VacuumOptions
  readonly quarantineMs: number
  readonly references: References
  readonly strange: Set<string>
  readonly revoked: OpenSession[]
  deletedBlocks: number
  deletedBytes: number
}

/**
 * Forgets backups by the policy, then deletes blocks that nothing references: plan, sessions,
 * quarantine, seal, delete, closed. Any number may run, beside any number of backups, and each goes
 * on where another stopped; none waits for a backup: it ends as `planned`, and the next run goes on.
 * @throws repository.unconfirmed, repository.probe_failed, repository.clock,
 * repository.manifest_invalid, repository.block_missing, repository.plan_invalid, storage.*
 */
export async function vacuum(options: VacuumOptions, io: Io): Promise<VacuumResult> {
  const repo = await openRepository(options.storage, io)
  const quarantineMs = await settleMode(options, io)
  if (options.acceptClock !== true) await checkClock(repo, options.clock, io)
  const verdicts = await forgetByPolicy(repo, options, io)
  const scratch = createScratch(options.scratchFolder)
  try {
    const run = createRun(repo, options, quarantineMs, scratch)
    const end = await collectGarbage(run, io)
    await cleanUpSessions(repo, io)
    return result(run, verdicts, end)
  } finally {
    await scratch.close()
  }
}

/** The quarantine that holds. @throws repository.probe_failed */
async function settleMode(options: VacuumOptions, io: Io): Promise<number> {
  const quarantineMs = options.quarantineMs ?? defaultQuarantineMs
  if ((await renewProbe(options.storage, options.random, io)) === 'concurrent') return quarantineMs
  if (options.exclusive === true) return Math.max(quarantineMs, defaultQuarantineMs)
  throw new BkpError(
    'repository.probe_failed',
    `${options.storage.url} does not create objects atomically, so no vacuum can run beside others`,
    { hint: 'make sure that nothing else uses it, then run it with --exclusive' },
  )
}

async function forgetByPolicy(
  repo: WritableRepository,
  options: VacuumOptions,
  io: Io,
): Promise<readonly Verdict[]> {
  const { policy = {}, cluster, clock } = options
  const backups = await surveyBackups(repo, io)
  const verdicts = applyPolicy(backups, {
    policy,
    now: clock.now(),
    ...(cluster === undefined ? {} : { cluster }),
  })
  if (options.confirmed !== true) refuseHeavyLosses(verdicts)
  for (const { name, why, forget: goes } of verdicts) {
    if (goes) await forget(repo, name, why, clock, io)
  }
  return verdicts
}

/** @throws repository.unconfirmed */
function refuseHeavyLosses(verdicts: readonly Verdict[]): void {
  const losses = heavyLosses(verdicts)
  if (losses.length === 0) return
  const told = losses.map(
    ({ cluster, forgotten, of }) => `${forgotten} of the ${of} backups of ${cluster.name}`,
  )
  throw new BkpError('repository.unconfirmed', `this would forget ${told.join(', ')}`, {
    hint: 'nothing was changed; look at --dry-run, then run it again with --confirm',
    details: { losses },
  })
}

function createRun(
  repo: WritableRepository,
  options: VacuumOptions,
  quarantineMs: number,
  scratch: Scratch,
): Run {
  return {
    repo,
    options,
    quarantineMs,
    references: createReferences(repo, scratch),
    strange: new Set(),
    revoked: [],
    deletedBlocks: 0,
    deletedBytes: 0,
  }
}

/** Where a run ended, and why it did not go on. */
interface End {
  readonly state: VacuumResult['state']
  readonly number: number
  readonly waiting: readonly OpenSession[]
  readonly quarantineLeftMs: number
}

/** Finishes what others began, then plans anew; ends when there is nothing left, or one must wait. */
async function collectGarbage(run: Run, io: Io): Promise<End> {
  const { repo, options, references } = run
  let state: 'none' | 'closed' = 'none'
  for (let round = 0; round < mostRounds; round += 1) {
    const collection = await readCollection(repo.storage, io)
    if (isOpen(collection)) {
      const stopped = await advance(run, collection, io)
      if (stopped !== undefined) return { ...stopped, number: collection.number }
      state = 'closed'
      continue
    }
    await addRoots(repo, references, io)
    const { candidates } = await registers.plan(
      repo,
      {
        number: collection.number + 1,
        references,
        created: (await repo.storage.now?.(io)) ?? options.clock.now(),
        mostCandidates: options.mostCandidates ?? registers.mostCandidates,
        unknown: key => run.strange.add(key),
      },
      options,
      io,
    )
    if (candidates > 0) continue
    return { state, number: collection.number, waiting: [], quarantineLeftMs: 0 }
  }
  throw new BkpError('internal', `${repo.url}: a vacuum found new garbage ${mostRounds} times`)
}

/** Carries an open vacuum as far as it goes; tells why it stopped, or nothing once it is closed. */
async function advance(
  run: Run,
  collection: OpenCollection,
  io: Io,
): Promise<Omit<End, 'number'> | undefined> {
  const { repo, options, references } = run
  const sealed = collection.seal ?? (await trySeal(run, collection, io))
  if ('state' in sealed) return sealed
  await references.add(await liveNames(repo, io), io)
  await registers.checkSeal(repo, collection.number, sealed, references, io)
  const freed = await sweep(repo.storage, sealed, io)
  run.deletedBlocks += freed.blocks
  run.deletedBytes += freed.bytes
  await registers.close(repo, collection.number, options, io)
  return undefined
}

/** In this order: the plan can be seen, sessions are decided, quarantine, roots read anew, seal. */
async function trySeal(run: Run, collection: OpenCollection, io: Io) {
  const { repo, options, references } = run
  const { open, revoked } = await resolveSessions(repo, options, io)
  run.revoked.push(...revoked)
  const ageMs = await registers.planAgeMs(repo, collection, options.clock, io)
  const quarantineLeftMs = Math.max(0, run.quarantineMs - ageMs)
  const waiting = open.filter(isWriter)
  if (waiting.length > 0 || quarantineLeftMs > 0) {
    return { state: 'planned' as const, waiting, quarantineLeftMs }
  }
  await addRoots(repo, references, io)
  return await registers.seal(repo, collection, references, options, io)
}

function result(run: Run, verdicts: readonly Verdict[], end: End): VacuumResult {
  return {
    forgotten: verdicts.flatMap(({ name, forget: goes }) => (goes ? [name] : [])),
    kept: verdicts.flatMap(({ name, why, forget: goes }) => (goes ? [] : [{ name, why }])),
    verdicts,
    deleted_blocks: run.deletedBlocks,
    deleted_bytes: run.deletedBytes,
    state: end.state,
    number: end.number,
    waiting: end.waiting.map(asWaitedFor),
    revoked: run.revoked.map(asWaitedFor),
    quarantineLeftMs: end.quarantineLeftMs,
    notes: strangeNotes(run.strange),
  }
}

function asWaitedFor({ name, kind, source, pid, since }: OpenSession): WaitedFor {
  return { session: name, kind, source, since, ...(pid === undefined ? {} : { pid }) }
}

function strangeNotes(strange: ReadonlySet<string>): readonly string[] {
  if (strange.size === 0) return []
  const shown = [...strange].slice(0, shownKeys).join(', ')
  const more = strange.size > shownKeys ? ', ...' : ''
  return [`${strange.size} objects below data/ are no blocks and were left alone: ${shown}${more}`]
}
