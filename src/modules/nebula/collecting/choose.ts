import type { FoundCheckpoint } from '../../../databases/nebula/checkpoints/find.ts'
import type { SnapshotRow } from '../../../databases/nebula/contract.ts'
import { checkpointKind } from '../../../databases/nebula/layout.ts'

/** What is to go, and what could not be decided. */
export interface Chosen {
  /** Rows to drop, and why. */
  readonly drops: readonly { readonly name: string; readonly why: string }[]
  /** Folders that metad does not know. */
  readonly orphans: readonly FoundCheckpoint[]
  /** What was left alone, and why. */
  readonly left: readonly string[]
}

/** What may go. Ages in milliseconds. */
export interface Policy {
  /** How many of the newest snapshots stay, or which; all without it. */
  readonly keep?: number | readonly string[]
  readonly invalid: boolean
  readonly orphansOlderThanMs: number
  /** Of BACKUP_ ones that are VALID: a BR that died left them; none goes without it. */
  readonly backupsOlderThanMs?: number
}

/**
 * Decides what nobody can use any more (specs/nebula.md §3.3). The age of a name is that of its newest
 * folder, by its host's own clock: names are in the metad's local time. Whatever is younger may just be
 * made, with a row or without one. Pure.
 */
export function chooseGarbage(
  rows: readonly SnapshotRow[],
  found: readonly FoundCheckpoint[],
  unread: readonly { readonly host: string }[],
  policy: Policy,
): Chosen {
  const { keep, invalid, orphansOlderThanMs, backupsOlderThanMs } = policy
  const named = typeof keep === 'object' ? new Set(keep) : new Set<string>()
  const left: string[] = []
  const drops: { name: string; why: string }[] = []
  const surplus = surplusOf(rows, keep)
  for (const { name, status } of rows) {
    const ageMs = ageOf(name, found)
    if (named.has(name)) continue
    if (status === 'invalid') {
      if (!invalid) continue
      if (ageMs < orphansOlderThanMs) left.push(`${name}: INVALID, and may still be made`)
      else drops.push({ name, why: 'INVALID' })
    } else if (surplus.has(name)) {
      drops.push({ name, why: 'not one to keep' })
    } else if (checkpointKind(name) === 'backup' && backupsOlderThanMs !== undefined) {
      if (ageMs === Number.POSITIVE_INFINITY && unread.length > 0) {
        left.push(`${name}: its age is not known while hosts cannot be looked at`)
      } else if (ageMs >= backupsOlderThanMs) {
        drops.push({ name, why: 'left by a backup that did not end' })
      }
    }
  }
  const known = new Set(rows.map(({ name }) => name))
  const orphans = found.filter(({ name }) => !known.has(name) && !named.has(name))
  const young = new Set(
    orphans.map(({ name }) => name).filter(name => ageOf(name, found) < orphansOlderThanMs),
  )
  left.push(...[...young].sort().map(name => `${name}: not listed, and may still be made`))
  return { drops, orphans: orphans.filter(({ name }) => !young.has(name)), left }
}

/** Since its newest folder changed; without any, for ever. */
function ageOf(name: string, found: readonly FoundCheckpoint[]): number {
  const ages = found.filter(each => each.name === name).map(({ ageMs }) => ageMs)
  return Math.min(Number.POSITIVE_INFINITY, ...ages)
}

/** Names are in the order of time within their kind. */
function surplusOf(
  rows: readonly SnapshotRow[],
  keep: number | readonly string[] | undefined,
): ReadonlySet<string> {
  if (keep === undefined) return new Set()
  const valid = rows
    .filter(({ name, status }) => status === 'valid' && checkpointKind(name) === 'snapshot')
    .map(({ name }) => name)
    .sort()
  if (typeof keep !== 'number') return new Set(valid.filter(name => !keep.includes(name)))
  return new Set(valid.slice(0, Math.max(0, valid.length - keep)))
}
