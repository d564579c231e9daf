import type { ClusterAccess, ClusterClients } from '../contract.ts'
import type { MetaClient, MetaReader } from './contract.ts'
import { clientWithGraph, readerWithGraph } from './graph/with-graph.ts'
import { writingCalls } from './meta/client.ts'
import type { FindInstances } from './meta/metads.ts'
import { readingCalls } from './meta/reader.ts'
import { metaSession } from './meta/session.ts'
import { readInstances } from './read-instances.ts'
import type { NebulaSettings } from './settings.ts'

/** The metads of a cluster, from the configuration files of their hosts. */
const findMetads: FindInstances = async ({ roles, settings, host }, io) => {
  const { metad = [] } = roles
  const cluster = { roles: { metad }, settings: settings as NebulaSettings }
  return await readInstances([...new Set(metad)].map(host), cluster, io)
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
