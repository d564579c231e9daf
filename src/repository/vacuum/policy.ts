import type { ClusterIdentity } from '../catalogue.ts'
import type { BackupName } from '../names.ts'

/** The four numbers of the bendsave RFC. None given: nothing is forgotten. */
export interface RetentionPolicy {
  /** Backups older than this many days may go. */
  readonly retentionDays?: number
  /** Backups younger than this many days stay, whatever else is said. */
  readonly minRetentionDays?: number
  /** Backups beyond the newest so many may go. */
  readonly maxBackups?: number
  /** The newest so many stay, whatever else is said; 1 where any number is given. */
  readonly minBackups?: number
}

/** `complete` counts as a backup; the others are shown, never counted, and go after 7 days. */
export type Standing = 'complete' | 'incomplete' | 'partial' | 'failed'

/** What the policy looks at of a backup that was not forgotten yet. */
export interface PolicyBackup {
  readonly name: BackupName
  readonly time: Date
  readonly cluster: ClusterIdentity
  readonly standing: Standing
  readonly labels: Readonly<Record<string, string>>
}

/** Whether a backup goes or stays, and why in words. */
export interface Verdict extends PolicyBackup {
  readonly forget: boolean
  readonly why: string
}

export interface PolicyOptions {
  readonly policy: RetentionPolicy
  readonly now: Date
  /** Only backups of this cluster may go; without a kind, of each of that name. */
  readonly cluster?: { readonly name: string; readonly kind?: string }
}

const dayMs = 24 * 60 * 60 * 1000
/** What does not count as a backup goes after this many days. */
const remainderDays = 7
/** Clocks that differ by less are not called wrong: `clock-check.ts` tolerates it too. */
const toleranceMs = 5 * 60 * 1000

/** The label that keeps a backup: any value but false, no and 0. */
export const keepLabel = 'keep'
/** The label that names the backup an engine must restore before this one. */
export const needsLabel = 'needs'

/**
 * Decides for each backup, for each cluster by itself: one goes when it is older than
 * `retentionDays` or ranked beyond `maxBackups`, and neither younger than `minRetentionDays` nor
 * among the newest `minBackups`. Future-dated, labelled and needed ones stay and are not counted.
 * In the order of the backups given, which is oldest first.
 */
export function applyPolicy(
  backups: readonly PolicyBackup[],
  options: PolicyOptions,
): readonly Verdict[] {
  const verdicts = new Map<BackupName, Verdict>()
  for (const group of byCluster(backups)) {
    for (const verdict of judgeCluster(group, options)) verdicts.set(verdict.name, verdict)
  }
  keepNeeded(verdicts)
  return backups.flatMap(({ name }) => verdicts.get(name) ?? [])
}

/** Clusters that would lose more than half of their complete backups. */
export function heavyLosses(verdicts: readonly Verdict[]): readonly {
  readonly cluster: ClusterIdentity
  readonly forgotten: number
  readonly of: number
}[] {
  return byCluster(verdicts).flatMap(group => {
    const complete = group.filter(({ standing }) => standing === 'complete')
    const forgotten = complete.filter(({ forget }) => forget).length
    const [first] = complete
    if (first === undefined || forgotten * 2 <= complete.length) return []
    return [{ cluster: first.cluster, forgotten, of: complete.length }]
  })
}

function byCluster<T extends PolicyBackup>(backups: readonly T[]): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>()
  for (const backup of backups) {
    const identity = JSON.stringify([backup.cluster.kind, backup.cluster.name])
    const group = groups.get(identity)
    if (group === undefined) groups.set(identity, [backup])
    else group.push(backup)
  }
  return [...groups.values()]
}

function judgeCluster(group: readonly PolicyBackup[], options: PolicyOptions): readonly Verdict[] {
  const isExempt = (backup: PolicyBackup): boolean => exemption(backup, options) !== undefined
  const isComplete = ({ standing }: PolicyBackup): boolean => standing === 'complete'
  // Newest first; of two of one time, the later name.
  const counted = group
    .filter(backup => isComplete(backup) && !isExempt(backup))
    .sort((a, b) => b.time.getTime() - a.time.getTime() || (a.name < b.name ? 1 : -1))
  const ranks = new Map(counted.map(({ name }, index) => [name, index + 1]))
  const hasComplete = group.some(isComplete)
  return group.map(backup => {
    const exempt = exemption(backup, options)
    if (exempt !== undefined) return { ...backup, forget: false, why: exempt }
    const rank = ranks.get(backup.name)
    return rank === undefined
      ? judgeRemainder(backup, hasComplete, options)
      : judgeCounted(backup, rank, options)
  })
}

/** Why a backup is out of the policy's reach, whatever the numbers say. */
function exemption(backup: PolicyBackup, { now, cluster }: PolicyOptions): string | undefined {
  const { labels, time } = backup
  if (cluster !== undefined && !isOf(backup.cluster, cluster)) {
    return `of another cluster than ${cluster.name}`
  }
  if (time.getTime() > now.getTime() + toleranceMs) {
    return `dated in the future (${time.toISOString()}): check the clock of the machine that made it`
  }
  const keep = Object.hasOwn(labels, keepLabel) ? labels[keepLabel] : undefined
  if (keep === undefined || ['false', 'no', '0'].includes(keep.toLowerCase())) return undefined
  return `labelled ${keepLabel}: ${keep === '' ? '""' : keep}`
}

function isOf(
  cluster: ClusterIdentity,
  wanted: { readonly name: string; readonly kind?: string },
): boolean {
  return cluster.name === wanted.name && (wanted.kind === undefined || cluster.kind === wanted.kind)
}

function judgeCounted(backup: PolicyBackup, rank: number, { policy, now }: PolicyOptions): Verdict {
  const keep = (why: string): Verdict => ({ ...backup, forget: false, why })
  const { retentionDays, minRetentionDays, maxBackups } = policy
  if (!hasNumbers(policy)) return keep('no retention policy was given')
  const ageMs = now.getTime() - backup.time.getTime()
  const isOld = retentionDays !== undefined && ageMs > retentionDays * dayMs
  const isBeyond = maxBackups !== undefined && rank > maxBackups
  const old = `${showAge(ageMs)} old, retention-days is ${retentionDays}`
  const beyond = `number ${rank} from the newest, max-backups is ${maxBackups}`
  const reason = isOld && isBeyond ? `${old}; ${beyond}` : isOld ? old : beyond
  if (!isOld && !isBeyond) return keep(withinLimits(policy, ageMs, rank))
  const least = policy.minBackups ?? 1
  if (rank <= least) {
    return keep(`${reason}, but among the newest ${least} (min-backups)`)
  }
  if (minRetentionDays !== undefined && ageMs < minRetentionDays * dayMs) {
    return keep(`${reason}, but younger than ${days(minRetentionDays)} (min-retention-days)`)
  }
  return { ...backup, forget: true, why: reason }
}

function withinLimits(policy: RetentionPolicy, ageMs: number, rank: number): string {
  const parts = [
    policy.retentionDays === undefined
      ? undefined
      : `${showAge(ageMs)} old, retention-days is ${policy.retentionDays}`,
    policy.maxBackups === undefined
      ? undefined
      : `number ${rank} from the newest, max-backups is ${policy.maxBackups}`,
  ].filter(part => part !== undefined)
  return parts.length === 0 ? 'neither retention-days nor max-backups was given' : parts.join('; ')
}

/** A checkpoint is what a dead run left, so it goes without a policy, too. */
function judgeRemainder(
  backup: PolicyBackup,
  hasComplete: boolean,
  { policy, now }: PolicyOptions,
): Verdict {
  const what = {
    partial: 'a checkpoint of a run that did not end',
    incomplete: 'incomplete: hosts are missing',
    failed: 'its last verification failed',
    complete: 'complete',
  }[backup.standing]
  const keep = (why: string): Verdict => ({ ...backup, forget: false, why: `${what}; ${why}` })
  if (backup.standing !== 'partial') {
    if (!hasNumbers(policy)) return keep('no retention policy was given')
    if (!hasComplete) return keep('its cluster has no complete backup')
  }
  const ageMs = now.getTime() - backup.time.getTime()
  if (ageMs <= remainderDays * dayMs) return keep(`forgotten once ${remainderDays} days old`)
  return { ...backup, forget: true, why: `${what}; ${showAge(ageMs)} old` }
}

/** What a kept backup needs to be restored stays with it, and what that one needs, too. */
function keepNeeded(verdicts: Map<BackupName, Verdict>): void {
  const kept = [...verdicts.values()].filter(({ forget }) => !forget)
  for (let child = kept.pop(); child !== undefined; child = kept.pop()) {
    const name = Object.hasOwn(child.labels, needsLabel) ? child.labels[needsLabel] : undefined
    const parent = name === undefined ? undefined : verdicts.get(name)
    if (parent?.forget !== true) continue
    const why = `${child.name} needs it (${parent.why})`
    const stays = { ...parent, forget: false, why }
    verdicts.set(parent.name, stays)
    kept.push(stays)
  }
}

export function hasNumbers(policy: RetentionPolicy): boolean {
  return Object.values(policy).some(number => number !== undefined)
}

function showAge(milliseconds: number): string {
  return days(Math.max(0, Math.floor(milliseconds / dayMs)))
}

function days(count: number): string {
  return count === 1 ? '1 day' : `${count} days`
}
