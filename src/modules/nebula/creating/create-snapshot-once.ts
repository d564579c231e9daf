import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { checkpointKind } from '../../../databases/nebula/layout.ts'
import { createTimeoutMs } from '../dropping/create-timeout.ts'
import type { Dropping } from '../dropping/drop.ts'
import { awaitFreeName } from './free-name.ts'

/**
 * CREATE SNAPSHOT, sent once: graphd would repeat a slow one, and each makes a snapshot (specs/nebula.md
 * §3.1). The name is that of the row which is new.
 * @throws nebula.outcome_unknown where none or several are new; what the client throws
 */
export async function createSnapshotOnce(
  { site, client, cluster }: Pick<Dropping, 'site' | 'client' | 'cluster'>,
  { timeout }: { readonly timeout?: string },
  io: Io,
): Promise<string> {
  const before = new Set((await client.listSnapshots(io)).map(({ name }) => name))
  await awaitFreeName(site.run.clock, 'snapshot', [...before], io)
  await client.createSnapshot({ timeoutMs: createTimeoutMs(cluster.settings, timeout) }, io)
  const rows = await client.listSnapshots(io)
  const made = rows.filter(({ name }) => checkpointKind(name) === 'snapshot' && !before.has(name))
  const [row, ...others] = made
  if (row !== undefined && others.length === 0 && row.status === 'valid') return row.name
  if (row?.status === 'invalid' && others.length === 0) {
    throw new BkpError('nebula.backup_failed', `${row.name} was made, but is INVALID`, {
      hint: 'see the log of the metad that leads; nebula.gc_snapshots removes INVALID ones',
      details: { result: { name: row.name } },
    })
  }
  const names = made.map(({ name }) => name).join(', ')
  throw new BkpError(
    'nebula.outcome_unknown',
    names === ''
      ? 'metad says that a snapshot was made, but lists none that is new'
      : `several snapshots are new, and which of them was made now is not known: ${names}`,
    { hint: 'make one at a time: a lock on the play keeps runs of bkp apart' },
  )
}
