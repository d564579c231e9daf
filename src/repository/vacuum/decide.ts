import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Repository } from '../repository.ts'
import { applyPolicy, heavyLosses, type Verdict } from './policy.ts'
import type { VacuumScope } from './result.ts'
import { surveyBackups } from './survey-backups.ts'

/**
 * What the policy says of every live backup, oldest first. Writes nothing.
 * @throws repository.backup_not_found for a cluster without backups, repository.manifest_invalid,
 * storage.*
 */
export async function decide(
  repo: Repository,
  { policy = {}, cluster, clock }: VacuumScope,
  io: Io,
): Promise<readonly Verdict[]> {
  const backups = await surveyBackups(repo, io)
  const names = new Set(backups.map(backup => backup.cluster.name))
  if (cluster !== undefined && backups.length > 0 && !names.has(cluster.name)) {
    throw new BkpError(
      'repository.backup_not_found',
      `${repo.url} holds no backup of a cluster ${cluster.name}`,
      { hint: `it holds backups of ${[...names].sort().join(', ')}` },
    )
  }
  return applyPolicy(backups, {
    policy,
    now: clock.now(),
    ...(cluster === undefined ? {} : { cluster }),
  })
}

/** What a person must confirm: `2 of the 3 backups of graph`, each cluster that loses too much. */
export function lossesToConfirm(verdicts: readonly Verdict[]): readonly string[] {
  return heavyLosses(verdicts).map(
    ({ cluster, forgotten, of }) =>
      `${forgotten} of the ${of} complete backups of ${cluster.name} (${cluster.kind})`,
  )
}

/** @throws repository.unconfirmed when more than half of a cluster's backups would go */
export function refuseHeavyLosses(verdicts: readonly Verdict[]): void {
  const losses = lossesToConfirm(verdicts)
  if (losses.length === 0) return
  throw new BkpError('repository.unconfirmed', `this would forget ${losses.join(', ')}`, {
    hint: 'nothing was changed; look at it with --dry-run, then run it again with --confirm',
    details: { losses },
  })
}

export const forgottenNames = (verdicts: readonly Verdict[]): readonly string[] =>
  verdicts.flatMap(({ name, forget }) => (forget ? [name] : []))

export const keptWithReasons = (
  verdicts: readonly Verdict[],
): readonly { readonly name: string; readonly why: string }[] =>
  verdicts.flatMap(({ name, why, forget }) => (forget ? [] : [{ name, why }]))
