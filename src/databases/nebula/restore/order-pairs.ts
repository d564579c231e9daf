import type { StoragedPair } from './pair-storageds.ts'

/**
 * Puts replacements into an order in which one after the other does what all at once would: a chain
 * (A becomes B, B becomes C) from its end, a ring through an address that nobody has. Metads up to 3.0
 * apply them one by one, so that A and B that swap would both become A (specs/nebula.md §2.2). Pure.
 * Pairs that change nothing are left out.
 */
export function orderPairs(
  pairs: readonly StoragedPair[],
  temporary: (index: number) => string,
): { readonly ordered: readonly StoragedPair[]; readonly rings: number } {
  let open = pairs.filter(({ from, to }) => from !== to)
  const ordered: StoragedPair[] = []
  let rings = 0
  while (open.length > 0) {
    const froms = new Set(open.map(({ from }) => from))
    const free = open.filter(({ to }) => !froms.has(to))
    if (free.length > 0) {
      ordered.push(...free)
      open = open.filter(({ to }) => froms.has(to))
      continue
    }
    // Only rings are left: whoever is first steps aside.
    const [first, ...others] = open
    if (first === undefined) break
    const aside = temporary(rings)
    rings += 1
    ordered.push({ from: first.from, to: aside })
    open = [...others, { from: aside, to: first.to }]
  }
  return { ordered, rings }
}
