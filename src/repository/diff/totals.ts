import type { Difference } from './diff.ts'

/** How much differs on a host. Sizes in bytes. */
export interface DiffTotals {
  readonly host: string
  readonly added: number
  readonly added_bytes: number
  readonly removed: number
  readonly removed_bytes: number
  readonly changed: number
  /** Of files whose content changed, as they are now. */
  readonly changed_bytes: number
}

/** Counts differences by host, in the order in which hosts come. */
export function countDifferences(): {
  add(difference: Difference): void
  totals(): readonly DiffTotals[]
} {
  const byHost = new Map<string, Counts>()
  return Object.freeze({
    add: ({ change, what, before, after }: Difference) => {
      const host = (after ?? before)?.host ?? ''
      const own = byHost.get(host) ?? nothing(host)
      byHost.set(host, own)
      const size = Number((after ?? before)?.size ?? 0n)
      own[change] += 1
      if (change === 'changed' && !what.includes('content') && !what.includes('type')) return
      own[`${change}_bytes`] += size
    },
    totals: () => [...byHost.values()],
  })
}

type Counts = { -readonly [K in keyof DiffTotals]: DiffTotals[K] }

function nothing(host: string): Counts {
  return {
    host,
    added: 0,
    added_bytes: 0,
    removed: 0,
    removed_bytes: 0,
    changed: 0,
    changed_bytes: 0,
  }
}
