import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { MetaClient } from '../../../databases/nebula/contract.ts'
import {
  compareFingerprints,
  describeDifferences,
} from '../../../databases/nebula/graph/compare.ts'
import { type Fingerprints, takeFingerprint } from '../../../databases/nebula/graph/fingerprint.ts'
import type { RunContext } from '../../contract.ts'

/**
 * Counts vertices and edges anew and compares them with those of a backup.
 * @throws nebula.not_ready with every count that differs, or where there is no graphd to count
 */
export async function compareCounts(
  client: MetaClient,
  expected: Fingerprints,
  wait: Pick<RunContext, 'clock'> & { readonly timeoutMs: number },
  io: Io,
): Promise<void> {
  const spaces = Object.keys(expected)
  if (spaces.length === 0) return
  if (client.graph === undefined) {
    throw new BkpError(
      'nebula.not_ready',
      'vertices and edges cannot be counted without a graphd',
      {
        hint: 'add graphd to the hosts of the cluster, or leave fingerprint out',
      },
    )
  }
  const found = await takeFingerprint(client.graph, { ...wait, spaces }, io)
  const differences = compareFingerprints(expected, found)
  if (differences.length === 0) return
  const lines = describeDifferences(differences).map(line => `  ${line}`)
  throw new BkpError(
    'nebula.not_ready',
    ['the cluster holds something else:', ...lines].join('\n'),
    {
      hint: 'what was written since the backup was counted differs, too; else do not use these data',
      details: { differences: differences.length },
    },
  )
}
