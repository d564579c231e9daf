import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { MetaClient } from '../../../databases/nebula/contract.ts'
import { type Fingerprints, takeFingerprint } from '../../../databases/nebula/graph/fingerprint.ts'
import type { RunContext } from '../../contract.ts'
import { requireCounts } from '../counting/count-spaces.ts'

/**
 * Counts vertices and edges anew and compares them with those of a backup.
 * @throws nebula.data_differs with every count that differs, nebula.not_ready where there is no graphd
 */
export async function compareCounts(
  cluster: string,
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
  requireCounts(cluster, expected, await takeFingerprint(client.graph, { ...wait, spaces }, io), 0)
}
