import { BkpError } from '../../../base/errors.ts'
import type { ClusterAccess } from '../../contract.ts'
import type { MetaClient, MetaReader } from '../contract.ts'
import type { NebulaSettings } from '../settings.ts'
import type { GraphClient } from './contract.ts'
import { graphClient } from './open.ts'
import { type SnapshotClient, snapshotsByGraph } from './snapshots.ts'

/** A reader that also reaches graphd, and lists snapshots by it where the inventory says so. */
export function readerWithGraph(reader: MetaReader, access: ClusterAccess): MetaReader {
  const graph = graphClient(access)
  const snapshots = chosenSnapshots(graph, access)
  return Object.freeze({
    ...reader,
    ...(graph === undefined ? {} : { graph: Object.freeze({ openReader: graph.openReader }) }),
    ...(snapshots === undefined ? {} : { listSnapshots: snapshots.listSnapshots }),
  })
}

/** A client that also reaches graphd, and makes and drops snapshots by it where the inventory says so. */
export function clientWithGraph(client: MetaClient, access: ClusterAccess): MetaClient {
  const graph = graphClient(access)
  const snapshots = chosenSnapshots(graph, access)
  return Object.freeze({
    ...client,
    ...(graph === undefined ? {} : { graph }),
    ...(snapshots ?? {}),
  })
}

function chosenSnapshots(
  graph: GraphClient | undefined,
  access: ClusterAccess,
): SnapshotClient | undefined {
  const { snapshots_by } = access.settings as NebulaSettings
  if (snapshots_by !== 'graphd') return undefined
  if (graph !== undefined) return snapshotsByGraph(graph, access)
  throw new BkpError(
    'schema.invalid',
    `cluster ${access.name} has no graphd to make snapshots by`,
    {
      hint: 'give hosts.graphd of the cluster in the inventory, or leave snapshots_by out',
    },
  )
}
