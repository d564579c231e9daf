import { BkpError, exitCodes } from '../../base/errors.ts'
import type { ClusterAccess, ClusterClients } from '../contract.ts'
import type { MetaClient, MetaReader } from './contract.ts'
import { clientWithGraph, readerWithGraph } from './graph/with-graph.ts'
import { writingCalls } from './meta/client.ts'
import type { FindInstances } from './meta/metads.ts'
import { readingCalls } from './meta/reader.ts'
import { metaSession } from './meta/session.ts'
import { readInstances } from './read-instances.ts'
import type { NebulaSettings } from './settings.ts'

/**
 * The metads of a cluster, from the configuration files of their hosts. A host that is down takes nothing
 * from the others: more than half of the metads are enough for a cluster.
 */
const findMetads: FindInstances = async ({ roles, settings, host }, io) => {
  const hosts = [...new Set(roles['metad'] ?? [])].map(host)
  const part = (name: string) => ({
    roles: { metad: [name] },
    settings: settings as NebulaSettings,
  })
  const read = await Promise.allSettled(
    hosts.map(async each => await readInstances([each], part(each.name), io)),
  )
  const found = read.flatMap(each => (each.status === 'fulfilled' ? each.value : []))
  const failed = read.flatMap(each => (each.status === 'rejected' ? [each.reason as unknown] : []))
  const fatal = failed.find(error => !isUnreachable(error)) ?? failed[0]
  if (fatal !== undefined && (found.length === 0 || !isUnreachable(fatal))) throw fatal
  return found
}

function isUnreachable(error: unknown): boolean {
  return error instanceof BkpError && error.exit === exitCodes.unreachable
}

/** A client whose calls only read. `findInstances` is a parameter for tests. */
export function metaReader(access: ClusterAccess, findInstances = findMetads): MetaReader {
  return readingCalls(metaSession(access, findInstances))
}

/** The same, and the calls that write. */
export function metaClient(access: ClusterAccess, findInstances = findMetads): MetaClient {
  return writingCalls(metaSession(access, findInstances))
}

/** Clients of NebulaGraph's metads, with nGQL over graphds: `MetaReader` and `MetaClient`. */
export const nebulaClients: ClusterClients = Object.freeze({
  reader: (access: ClusterAccess) => readerWithGraph(metaReader(access), access),
  client: (access: ClusterAccess) => clientWithGraph(metaClient(access), access),
})
