import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { forget } from '../checkpoint.ts'
import { checkClock } from '../clock-check.ts'
import { renewProbe } from '../probe-storage.ts'
import { openRepository } from '../repository.ts'
import { createScratch } from '../scratch.ts'
import { cleanUpSessions } from './clean-up.ts'
import { collectGarbage } from './collect-garbage.ts'
import { decide, forgottenNames, keptWithReasons, refuseHeavyLosses } from './decide.ts'
import { asWaitedFor, strangeNotes } from './notes.ts'
import { defaultQuarantineMs, type VacuumOptions, type VacuumResult } from './result.ts'

export { cancelVacuum } from './cancel.ts'
export { type OpenVacuum, planVacuum, type VacuumPlan } from './plan-vacuum.ts'
export type { RetentionPolicy, Verdict } from './policy.ts'
export type { VacuumOptions, VacuumResult, WaitedFor } from './result.ts'

/**
 * Forgets backups by the policy, then deletes blocks that nothing references: plan, sessions,
 * quarantine, seal, delete, closed. Any number may run, beside any number of backups, and each goes
 * on where another stopped; none waits for a backup: it ends as `planned`, and the next run goes on.
 * @throws repository.unconfirmed, repository.probe_failed, repository.clock,
 * repository.backup_not_found, repository.manifest_invalid, repository.block_missing,
 * repository.block_corrupt, repository.plan_invalid, storage.*
 */
export async function vacuum(options: VacuumOptions, io: Io): Promise<VacuumResult> {
  const { storage, clock } = options
  const repo = await openRepository(storage, io)
  const quarantineMs = await settleQuarantine(options, io)
  if (options.acceptClock !== true) await checkClock(repo, clock, io)
  const verdicts = await decide(repo, options, io)
  if (options.confirmed !== true) refuseHeavyLosses(verdicts)
  for (const { name, why, forget: goes } of verdicts) {
    if (goes) await forget(repo, name, why, clock, io)
  }
  const scratch = createScratch(options.scratchFolder)
  try {
    const end = await collectGarbage({ repo, vacuum: options, quarantineMs, scratch }, io)
    await cleanUpSessions(repo, io)
    return {
      forgotten: forgottenNames(verdicts),
      kept: keptWithReasons(verdicts),
      verdicts,
      deleted_blocks: end.blocks,
      deleted_bytes: end.bytes,
      state: end.state,
      number: end.number,
      waiting: end.waiting.map(asWaitedFor),
      revoked: end.revoked.map(asWaitedFor),
      quarantineLeftMs: end.quarantineLeftMs,
      notes: strangeNotes(end.strange),
    }
  } finally {
    await scratch.close()
  }
}

/**
 * The quarantine that holds: where creations are not atomic, nothing shortens it.
 * @throws repository.probe_failed
 */
async function settleQuarantine(options: VacuumOptions, io: Io): Promise<number> {
  const { storage, random, quarantineMs = defaultQuarantineMs } = options
  if ((await renewProbe(storage, random, io)) === 'concurrent') return quarantineMs
  if (options.exclusive === true) return Math.max(quarantineMs, defaultQuarantineMs)
  throw new BkpError(
    'repository.probe_failed',
    `${storage.url} does not create objects atomically, so no vacuum can run beside others`,
    { hint: 'make sure that nothing else uses it, then run the vacuum with --exclusive' },
  )
}
