import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Fingerprint } from '../../../databases/nebula/backup-metadata.ts'
import type { MetaClient } from '../../../databases/nebula/contract.ts'
import {
  compareFingerprints,
  describeDifferences,
} from '../../../databases/nebula/graph/compare.ts'
import {
  type FingerprintOptions,
  type Fingerprints,
  lastFingerprint,
  takeFingerprint,
} from '../../../databases/nebula/graph/fingerprint.ts'

/** What a space is to hold; null is not compared. */
export type Expected = Readonly<Record<string, Fingerprint | null>>

/**
 * Counts spaces: anew, or as their newest STATS job did.
 * @throws nebula.not_ready where a job fails, or none ever ran
 */
export async function countSpaces(
  graph: NonNullable<MetaClient['graph']>,
  options: FingerprintOptions & { readonly refresh: boolean },
  io: Io,
): Promise<Fingerprints> {
  if (options.refresh) return await takeFingerprint(graph, options, io)
  const found = await lastFingerprint(graph, options.spaces, io)
  return Object.fromEntries(
    options.spaces.map(space => {
      const fingerprint = found[space]
      if (fingerprint !== undefined) return [space, fingerprint]
      throw new BkpError('nebula.not_ready', `no STATS job ever counted space "${space}"`, {
        hint: 'leave refresh out: bkp then starts one and waits for it',
        details: { space },
      })
    }),
  )
}

/**
 * Compares counts with those that are expected.
 * @throws nebula.data_differs with a table of all that differs
 */
export function requireCounts(
  cluster: string,
  expected: Expected,
  found: Fingerprints,
  tolerance: number,
): void {
  const wanted = Object.fromEntries(
    Object.entries(expected).flatMap(([space, fingerprint]) =>
      fingerprint === null ? [] : [[space, fingerprint]],
    ),
  )
  const differences = compareFingerprints(wanted, found, tolerance)
  if (differences.length === 0) return
  const lines = describeDifferences(differences).map(line => `  ${line}`)
  throw new BkpError(
    'nebula.data_differs',
    [`${cluster} does not hold what it should:`, ...lines].join('\n'),
    {
      hint: 'what was written after it was counted differs, too: give a tolerance for that, or do not use these data',
      details: { differences: differences.map(difference => ({ ...difference })) },
    },
  )
}
