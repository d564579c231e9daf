import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { FoundCheckpoint } from '../../../databases/nebula/checkpoints/find.ts'
import { removeCheckpoints } from '../../../databases/nebula/checkpoints/remove.ts'
import { surveyCheckpoints } from '../../../databases/nebula/checkpoints/survey.ts'
import type { MetaClient } from '../../../databases/nebula/contract.ts'
import { isCheckpointName } from '../../../databases/nebula/layout.ts'
import type { WritableSite } from '../../contract.ts'
import type { NebulaCluster } from '../shared/cluster.ts'
import { dropPatiently } from './patience.ts'

/** Where one checkpoint is, or was. */
export interface CheckpointFolder {
  readonly host: string
  readonly path: string
}

/** What dropping a snapshot or a backup came to. */
export interface Dropped {
  readonly name: string
  /** What metad said. */
  readonly row: 'dropped' | 'absent'
  /** Folders that metad had left and that were removed by hand. */
  readonly removed: readonly CheckpointFolder[]
}

/** What dropping works with. */
export interface Dropping {
  readonly site: Pick<WritableSite, 'hosts' | 'run'>
  readonly cluster: NebulaCluster
  readonly client: MetaClient
  /** Hosts of which it does not matter whether files are left there. */
  readonly allowMissing?: readonly string[]
}

/**
 * Drops one snapshot or backup: on the leader of now, then by hand whatever storageds that were away,
 * former leaders and `--wal_path` still have of it, since DROP says nothing of those (specs/nebula.md
 * §3.2, §3.3). Doing it again is no harm.
 * @throws nebula.not_ready where files are left on a host that cannot be reached
 */
export async function dropEverywhere(
  { site, cluster, client, allowMissing = [] }: Dropping,
  name: string,
  io: Io,
): Promise<Dropped> {
  if (!isCheckpointName(name)) {
    throw new BkpError('schema.invalid', `"${name}" is no name of a snapshot or a backup`)
  }
  const row = await dropPatiently({ client, cluster, clock: site.run.clock }, name, io)
  await requireGone({ client, cluster, clock: site.run.clock }, name, io)
  const { found, unread } = await surveyCheckpoints(site.hosts, cluster, io)
  const left = found.filter(each => each.name === name)
  const failures = await removeByHand(site, left, io)
  const missing = unread.filter(({ host }) => !allowMissing.includes(host))
  const reasons = [...missing.map(({ host, reason }) => `${host}: ${reason}`), ...failures]
  if (reasons.length > 0) {
    throw new BkpError(
      'nebula.not_ready',
      `${name} is dropped, but its files may be left: ${reasons.join('; ')}`,
      {
        hint: 'run it again once that is put right, or name hosts that are gone for good in allow_missing',
        details: { result: { name, left: reasons } },
      },
    )
  }
  return { name, row, removed: left.map(({ host, path }) => ({ host, path })) }
}

/** 2.x may say that it is done and keep the row as INVALID (§3.3): its files are then still wanted. */
async function requireGone(
  asking: Parameters<typeof dropPatiently>[0],
  name: string,
  io: Io,
): Promise<void> {
  for (const isLast of [false, true]) {
    const rows = await asking.client.listSnapshots(io)
    if (rows.every(row => row.name !== name)) return
    if (isLast) break
    await dropPatiently(asking, name, io)
  }
  throw new BkpError('nebula.refused', `metad says that ${name} is dropped, but still lists it`, {
    hint: 'the log of the metad that leads says why',
    details: { result: { name } },
  })
}

/** What could not be removed, in words. */
async function removeByHand(
  { hosts }: Pick<WritableSite, 'hosts'>,
  left: readonly FoundCheckpoint[],
  io: Io,
): Promise<readonly string[]> {
  const failures = await Promise.all(
    hosts.map(async host => {
      const own = left.filter(each => each.host === host.name)
      if (own.length === 0) return []
      try {
        await removeCheckpoints(host, own, io)
        return []
      } catch (thrown) {
        if (io.signal.aborted) throw thrown
        return [asBkpError(thrown).message]
      }
    }),
  )
  return failures.flat()
}
