import type { RandomBytes } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { readBackupMetadata } from '../../../databases/nebula/backup-metadata.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { topologyChanges } from '../../../databases/nebula/topology/compare.ts'
import type { ClusterState } from '../../../databases/nebula/topology/state.ts'
import { resolveBackup } from '../../../repository/catalogue.ts'
import { findRepository } from '../../../repository/repository.ts'
import type { ReadOnlyStorage, Storage } from '../../../storage/contract.ts'
import { key } from '../../../storage/key.ts'
import { asFault, type Findings, nothingFound, toTell } from './fault.ts'

/** Compares the cluster with its newest backup in a storage: what changed is a warning. */
export async function compareWithNewest(
  storage: ReadOnlyStorage,
  cluster: string,
  { instances, state }: { readonly instances: readonly Instance[]; readonly state?: ClusterState },
  io: Io,
): Promise<Findings> {
  try {
    const repo = await findRepository(storage, io)
    if (repo === undefined || state === undefined) return nothingFound
    const query = { backup: 'latest', cluster: { name: cluster, kind: 'nebula' } }
    const { name, manifest } = await resolveBackup(repo, query, io)
    const metadata = readBackupMetadata(JSON.parse(manifest.backupMeta?.metadataJson || 'null'))
    const changes = topologyChanges(metadata, instances, state)
    return {
      faults: [],
      warnings: changes.map(change => `since backup ${name}: ${change}`),
    }
  } catch (thrown) {
    const error = toTell(thrown, io)
    if (error.code === 'repository.backup_not_found') return nothingFound
    if (error.code.startsWith('storage.')) {
      return { faults: [asFault(error, 'see that the storage answers')], warnings: [] }
    }
    const told = `the newest backup cannot be compared with: ${error.message}`
    return { faults: [], warnings: [told] }
  }
}

/**
 * Writes, reads, lists and deletes an object as a backup does: what a wrong endpoint, a bucket that is
 * missing or a role that may not write would say at the end of a backup, it says now
 * (specs/nebula.md §4, 14 to 16).
 */
export async function probeObject(
  storage: Storage,
  random: RandomBytes,
  io: Io,
): Promise<Findings> {
  const target = key(`probe/${Buffer.from(random(16)).toString('hex')}`)
  const bytes = Buffer.from(`bkp checks that it can write here: ${target}\n`)
  const hint = 'check its address, bucket and credentials, and what they may do'
  try {
    await storage.put(target, bytes, io)
    const kept = await storage.get(target, io)
    if (!bytes.equals(kept)) throw lost(storage, 'gives back other bytes than were written')
    let isListed = false
    for await (const found of storage.list('probe/', io)) isListed ||= found.key === target
    if (!isListed) throw lost(storage, 'does not list what was written')
  } catch (thrown) {
    await storage.delete([target], io).catch(() => {})
    return { faults: [asFault(toTell(thrown, io), hint)], warnings: [] }
  }
  const failed = await removal(storage, target, io)
  if (failed === undefined) return nothingFound
  const text = `${storage.url} does not let objects be deleted (${failed}): no vacuum could run`
  return { faults: [], warnings: [text] }
}

async function removal(
  storage: Storage,
  target: ReturnType<typeof key>,
  io: Io,
): Promise<string | undefined> {
  try {
    const [failed] = await storage.delete([target], io)
    return failed?.error.message
  } catch (thrown) {
    return toTell(thrown, io).message
  }
}

function lost({ url }: ReadOnlyStorage, what: string): BkpError {
  return new BkpError('storage.failed', `${url} ${what}`)
}
