import { byCode } from '../../../base/text.ts'
import type { Fingerprint } from '../backup-metadata.ts'

/** A count that is not as expected; undefined where a space, tag or edge type is not there at all. */
export interface Difference {
  readonly space: string
  /** `vertices`, `edges`, `tag player`, `edge follow`. */
  readonly what: string
  readonly expected: number | undefined
  readonly found: number | undefined
}

/**
 * What differs between the counts of a backup and those of now, sorted. Only spaces that are expected
 * are looked at. `tolerance` is a share of what is expected, from 0 to 1: what was written while it was counted.
 */
export function compareFingerprints(
  expected: Readonly<Record<string, Fingerprint>>,
  found: Readonly<Record<string, Fingerprint | undefined>>,
  tolerance = 0,
): readonly Difference[] {
  return Object.keys(expected)
    .sort(byCode)
    .flatMap(space => {
      const wanted = countsOf(expected[space])
      const have = countsOf(found[space])
      return [...new Set([...wanted.keys(), ...have.keys()])]
        .map(what => ({ space, what, expected: wanted.get(what), found: have.get(what) }))
        .filter(difference => differs(difference, tolerance))
    })
}

function countsOf(fingerprint: Fingerprint | undefined): ReadonlyMap<string, number> {
  if (fingerprint === undefined) return new Map()
  const { vertices, edges, tags, edgeTypes } = fingerprint
  const named = (kind: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .sort(([a], [b]) => byCode(a, b))
      .map(([name, count]) => [`${kind} ${name}`, count] as const)
  return new Map([
    ['vertices', vertices],
    ['edges', edges],
    ...named('tag', tags),
    ...named('edge', edgeTypes),
  ])
}

function differs({ expected, found }: Difference, tolerance: number): boolean {
  if (expected === found) return false
  // A tag or edge type that is new or gone is a difference of its own, even with nothing in it.
  if (expected === undefined || found === undefined) return true
  return Math.abs(found - expected) > expected * tolerance
}

/** Rows for people, in columns: `nba  tag player  expected 51  found 50  (-1)`. */
export function describeDifferences(differences: readonly Difference[]): readonly string[] {
  const cells = differences.map(({ space, what, expected, found }) => [
    space,
    what,
    `expected ${expected ?? 'none'}`,
    `found ${found ?? 'none'}`,
    expected === undefined || found === undefined ? '' : `(${signed(found - expected)})`,
  ])
  const widths = [0, 1, 2, 3].map(column =>
    Math.max(0, ...cells.map(row => row[column]?.length ?? 0)),
  )
  return cells.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function signed(count: number): string {
  return count > 0 ? `+${count}` : String(count)
}
