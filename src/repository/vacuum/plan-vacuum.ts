import type { Io } from '../../base/io.ts'
import { checkClock } from '../clock-check.ts'
import { openRepository, type Repository } from '../repository.ts'
import { createScratch } from '../scratch.ts'
import { listBlocks, planLines } from './block-listing.ts'
import { isOpen, type OpenCollection, readCollection } from './collection.ts'
import { decide, forgottenNames, keptWithReasons, lossesToConfirm } from './decide.ts'
import { join } from './join.ts'
import { asWaitedFor, strangeNotes } from './notes.ts'
import { listOpenSessions } from './open-sessions.ts'
import type { Verdict } from './policy.ts'
import { createReferences } from './references.ts'
import { planAgeMs } from './registers.ts'
import { isWriter } from './resolve-sessions.ts'
import {
  defaultQuarantineMs,
  type PlanVacuumOptions,
  type VacuumState,
  type WaitedFor,
} from './result.ts'
import { addPins, liveNames } from './roots.ts'

/** An open vacuum, as somebody left it. */
export interface OpenVacuum {
  readonly number: number
  readonly state: Extract<VacuumState, 'planned' | 'sealed'>
  /** Blocks it names: a seal's are deleted, of a plan's those that nothing references by then. */
  readonly blocks: number
  /** How long the quarantine still lasts, in milliseconds. */
  readonly quarantineLeftMs: number
}

/** What a vacuum would do now. Sizes in bytes. */
export interface VacuumPlan {
  readonly verdicts: readonly Verdict[]
  readonly forgotten: readonly string[]
  readonly kept: readonly { readonly name: string; readonly why: string }[]
  /** What must be confirmed: `2 of the 3 complete backups of graph (files)`. */
  readonly losses: readonly string[]
  /** What nothing references once those are forgotten. */
  readonly freeable_blocks: number
  readonly freeable_bytes: number
  readonly open: OpenVacuum | undefined
  /** Writers at work: what they stored is counted as freeable until they commit. */
  readonly waiting: readonly WaitedFor[]
  readonly notes: readonly string[]
}

/**
 * What a vacuum would do, and why each backup stays. Writes nothing.
 * @throws repository.*, storage.*
 */
export async function planVacuum(options: PlanVacuumOptions, io: Io): Promise<VacuumPlan> {
  const { storage, clock } = options
  const repo = await openRepository(storage, io)
  if (options.acceptClock !== true) await checkClock(repo, clock, io)
  const verdicts = await decide(repo, options, io)
  const collection = await readCollection(storage, io)
  const strange = new Set<string>()
  const freeable = await measureGarbage(repo, verdicts, strange, options.scratchFolder, io)
  const sessions = await listOpenSessions(repo, io)
  return {
    verdicts,
    forgotten: forgottenNames(verdicts),
    kept: keptWithReasons(verdicts),
    losses: lossesToConfirm(verdicts),
    freeable_blocks: freeable.blocks,
    freeable_bytes: freeable.bytes,
    open: isOpen(collection) ? await describe(repo, collection, options, io) : undefined,
    waiting: sessions.filter(isWriter).map(asWaitedFor),
    notes: strangeNotes(strange),
  }
}

/** Blocks that no backup references that stays. */
async function measureGarbage(
  repo: Repository,
  verdicts: readonly Verdict[],
  strange: Set<string>,
  scratchFolder: string | undefined,
  io: Io,
): Promise<{ readonly blocks: number; readonly bytes: number }> {
  const goes = new Set(forgottenNames(verdicts))
  const scratch = createScratch(scratchFolder)
  try {
    const references = createReferences(repo, scratch)
    const live = await liveNames(repo, io)
    await references.add(
      live.filter(name => !goes.has(name)),
      io,
    )
    await addPins(repo, references, io)
    const listed = listBlocks(repo.storage, key => strange.add(key), io)
    const garbage = join(listed, ({ line }) => line, references.lines(), false)
    let blocks = 0
    let bytes = 0
    for await (const { sizeBytes } of garbage) {
      blocks += 1
      bytes += sizeBytes
    }
    return { blocks, bytes }
  } finally {
    await scratch.close()
  }
}

async function describe(
  repo: Repository,
  collection: OpenCollection,
  { clock, quarantineMs = defaultQuarantineMs }: PlanVacuumOptions,
  io: Io,
): Promise<OpenVacuum> {
  let blocks = 0
  const named = planLines(repo.storage, collection.seal ?? collection.plan, io)
  for await (const _line of named) blocks += 1
  const ageMs = await planAgeMs(repo, collection.plan, clock, io)
  return {
    number: collection.number,
    state: collection.seal === undefined ? 'planned' : 'sealed',
    blocks,
    quarantineLeftMs: collection.seal === undefined ? Math.max(0, quarantineMs - ageMs) : 0,
  }
}
