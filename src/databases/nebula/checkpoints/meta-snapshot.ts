import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { searchTree } from '../../../connection/probes.ts'
import type { Instance } from '../instances.ts'
import { metaCheckpointFolder } from '../layout.ts'
import { findFaults, listingOf } from './rocksdb.ts'

/** The meta of a snapshot, on one metad. */
export interface MetaSnapshot {
  readonly host: string
  readonly path: string
  readonly bytes: number
}

/** Metads that have the whole meta of a snapshot: the one that led, and no other (specs/nebula.md §3.2). */
export async function findMetaSnapshots(
  hosts: readonly ReadOnlyHost[],
  instances: readonly Instance[],
  name: string,
  io: Io,
): Promise<readonly MetaSnapshot[]> {
  const found = await Promise.all(
    instances.map(async ({ role, hostName, dataDirs: [folder] }) => {
      const host = hosts.find(each => each.name === hostName)
      if (role !== 'metad' || host === undefined || folder === undefined) return []
      const path = metaCheckpointFolder(folder, name)
      const { tree } = await host.ask({ tree: searchTree(path) }, io)
      const listing = listingOf(path, tree)
      const faults = await findFaults(host, listing, io)
      if (faults.length > 0) return []
      const bytes = [...listing.files.values()].reduce((sum, each) => sum + each.sizeBytes, 0)
      return [{ host: hostName, path, bytes }]
    }),
  )
  return found.flat()
}
