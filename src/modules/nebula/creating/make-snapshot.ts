import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatBytes } from '../../../base/units.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { findMetaSnapshots } from '../../../databases/nebula/checkpoints/meta-snapshot.ts'
import { verifyCheckpoints } from '../../../databases/nebula/checkpoints/verify.ts'
import { wantedCheckpoints } from '../../../databases/nebula/checkpoints/wanted.ts'
import type { MetaReader, Space } from '../../../databases/nebula/contract.ts'
import type { Cluster } from '../../contract.ts'
import type { Dropping } from '../dropping/drop.ts'
import { instancesOf, type NebulaCluster } from '../shared/cluster.ts'
import { blockedFor } from './blocked-for.ts'
import { requireWhole } from './check.ts'
import { createSnapshotOnce } from './create-snapshot-once.ts'
import { dropBroken } from './drop-broken.ts'
import type { BackupFacts } from './facts.ts'
import { afterFailure } from './failure.ts'
import { tidyUpBefore } from './tidy-up.ts'

/** A snapshot whose files are all there. */
export interface MadeSnapshot {
  readonly name: string
  readonly bytes: number
  readonly hosts: readonly string[]
  readonly lines: readonly string[]
}

interface Making extends Dropping {
  readonly site: Dropping['site'] & Looking['site']
  readonly facts: BackupFacts
  readonly timeout?: string
  readonly left?: unknown
}

/** Has metad make a snapshot, once, and looks at all of it; one that is not whole is dropped. */
export async function makeSnapshot(
  making: Making,
  io: Io,
): Promise<MadeSnapshot & { readonly blockedMs: number }> {
  const { site, facts, timeout } = making
  const { clock } = site.run
  const before = await tidyUpBefore(making, making.left, 'snapshot', io)
  const startedMs = clock.monotonicMs()
  let name: string
  try {
    name = await createSnapshotOnce(making, timeout === undefined ? {} : { timeout }, io)
  } catch (thrown) {
    throw await afterFailure(thrown, making, { ...facts, kind: 'snapshot' }, io)
  }
  const blockedMs = Math.round(clock.monotonicMs() - startedMs)
  try {
    const made = await checkSnapshot({ ...making, reader: making.client }, name, facts.spaces, io)
    const lines = [
      ...before,
      ...made.lines,
      `writes were blocked for at most ${blockedFor(blockedMs)}`,
    ]
    return { ...made, lines, blockedMs }
  } catch (thrown) {
    throw await dropBroken(thrown, making, name, io)
  }
}

interface Looking {
  readonly site: { readonly hosts: readonly ReadOnlyHost[]; cluster(name: string): Cluster }
  readonly cluster: NebulaCluster
  readonly reader: MetaReader
}

/**
 * Looks at every host, space and data path: after a backup of some spaces a metad makes snapshots of those
 * only, and says nothing (specs/nebula.md §2.0). @throws nebula.backup_failed
 */
export async function checkSnapshot(
  { site, cluster, reader }: Looking,
  name: string,
  spaces: readonly Space[],
  io: Io,
): Promise<MadeSnapshot> {
  const instances = await instancesOf(site, cluster.name, io)
  const allocated = await reader.listHosts('alloc', io)
  const made = { name, spaces: spaces.map(space => ({ ...space, hosts: [] })) }
  const wanted = wantedCheckpoints(made, allocated, instances, cluster.settings)
  const verified = await Promise.all(site.hosts.map(host => verifyCheckpoints(host, wanted, io)))
  const meta = await findMetaSnapshots(site.hosts, instances, name, io)
  const [first] = meta
  const checkpoints = requireWhole(
    name,
    wanted,
    verified,
    first === undefined ? ['no metad has the meta in it'] : [],
  )
  if (first === undefined) throw new BkpError('internal', 'a snapshot without meta passed')
  const bytes = checkpoints.reduce((sum, each) => sum + each.bytes, first.bytes)
  const hosts = [...new Set([...checkpoints, ...meta].map(({ host }) => host))]
  return {
    name,
    bytes,
    hosts,
    lines: [
      `${name}: ${spaces.length} spaces, ${checkpoints.length} checkpoints, ${formatBytes(bytes)}; the meta is on ${meta.map(({ host }) => host).join(', ')}`,
    ],
  }
}
