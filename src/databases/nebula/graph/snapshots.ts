import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { parseDuration } from '../../../base/units.ts'
import type { ClusterAccess } from '../../contract.ts'
import type { MetaClient, SnapshotRow } from '../contract.ts'
import { checkpointKind, isCheckpointName } from '../layout.ts'
import type { NebulaSettings } from '../settings.ts'
import type { GraphClient, GraphReaderSession } from './contract.ts'
import { createSnapshotStatement, dropSnapshotStatement, showSnapshots } from './statements.ts'
import { rowsOf, textOf } from './tables.ts'

/** What of a MetaClient can be had from graphd, where the metads' ports are closed to us. */
export type SnapshotClient = Pick<MetaClient, 'listSnapshots' | 'createSnapshot' | 'dropSnapshot'>

/** Longest CREATE SNAPSHOT where nothing else is said. */
const defaultTimeoutMs = 30 * 60_000

/**
 * Snapshots by nGQL. All three statements need the role GOD where authorization is on. graphd itself
 * asks metad up to three times when that takes more than a minute (specs/nebula.md §3.1), so a
 * single CREATE SNAPSHOT may make several snapshots: what is new afterwards is looked at, whatever graphd answered.
 */
export function snapshotsByGraph(
  graph: GraphClient,
  { settings }: Pick<ClusterAccess, 'settings'>,
): SnapshotClient {
  const { create_timeout } = settings as NebulaSettings
  const longestMs = create_timeout === undefined ? defaultTimeoutMs : parseDuration(create_timeout)
  return Object.freeze({
    listSnapshots: async io => {
      const session = await graph.openReader(io)
      try {
        return await listSnapshots(session, io)
      } finally {
        await session.close()
      }
    },
    createSnapshot: async ({ timeoutMs = longestMs }, io) => await create(graph, timeoutMs, io),
    dropSnapshot: async (name, io) => {
      const session = await graph.open(io)
      try {
        const rows = await listSnapshots(session, io)
        if (!rows.some(row => row.name === name)) return 'absent'
        await session.execute(dropSnapshotStatement(name), io, { timeoutMs: longestMs })
        return 'dropped'
      } finally {
        await session.close()
      }
    },
  } satisfies SnapshotClient)
}

async function create(graph: GraphClient, timeoutMs: number, io: Io): Promise<void> {
  const session = await graph.open(io)
  try {
    const before = new Set((await listSnapshots(session, io)).map(({ name }) => name))
    const failure = await failureOf(() =>
      session.execute(createSnapshotStatement, io, { timeoutMs }),
    )
    if (failure !== undefined && isCertain(failure)) throw failure
    if (failure !== undefined && io.signal.aborted) throw failure
    const made = (await listSnapshotsAnew(graph, io)).filter(
      ({ name }) => checkpointKind(name) === 'snapshot' && !before.has(name),
    )
    if (failure !== undefined || made.length !== 1 || made[0]?.status !== 'valid') {
      throw notOne(made, failure)
    }
  } finally {
    await session.close()
  }
}

async function failureOf(act: () => Promise<unknown>): Promise<BkpError | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (error instanceof BkpError) return error
    throw error
  }
}

/** Nothing was begun: not signed in any longer, not allowed, not understood. */
function isCertain({ code, details }: BkpError): boolean {
  return (
    code === 'nebula.refused' &&
    ['E_BAD_PERMISSION', 'E_SESSION_INVALID', 'E_SESSION_TIMEOUT', 'E_SYNTAX_ERROR'].includes(
      String(details['name']),
    )
  )
}

/** The first connection may be what was lost. */
async function listSnapshotsAnew(graph: GraphClient, io: Io): Promise<readonly SnapshotRow[]> {
  const session = await graph.openReader(io)
  try {
    return await listSnapshots(session, io)
  } finally {
    await session.close()
  }
}

function notOne(made: readonly SnapshotRow[], failure: BkpError | undefined): BkpError {
  const rows = made.map(({ name, status }) => `${name} (${status})`)
  const details = { snapshots: made.map(({ name }) => name) }
  const cause = failure === undefined ? {} : { cause: failure }
  const said = failure === undefined ? '' : `: ${failure.message}`
  if (made.length > 1) {
    return new BkpError(
      'nebula.backup_failed',
      `graphd asked for the snapshot more than once, there are ${rows.join(' and ')}${said}`,
      {
        ...cause,
        details,
        hint: 'drop all of them but one with nebula.drop_snapshot; asking metad itself (snapshots_by: metad) makes one',
      },
    )
  }
  if (failure?.code === 'nebula.outcome_unknown') {
    const found = made.length === 0 ? 'no new snapshot is listed yet' : `there is ${rows.join('')}`
    return new BkpError('nebula.outcome_unknown', `${failure.message}; ${found}`, {
      ...cause,
      details,
      hint: 'metad may still be at it: look at SHOW SNAPSHOTS again, and drop what is INVALID',
    })
  }
  const found = made.length === 0 ? 'no snapshot is there' : `there is ${rows.join('')}`
  return new BkpError('nebula.backup_failed', `CREATE SNAPSHOT failed, ${found}${said}`, {
    ...cause,
    details,
    hint: 'see the log of the metad leader; nebula.jobs tells which jobs stand in the way, nebula.gc_snapshots removes what is INVALID',
  })
}

/** Rows of SHOW SNAPSHOTS (specs/nebula.md §3.1). Names that metad does not give are left out. */
async function listSnapshots(session: GraphReaderSession, io: Io): Promise<readonly SnapshotRow[]> {
  const table = await session.read(showSnapshots, io)
  return rowsOf(table, 'SHOW SNAPSHOTS', ['Name', 'Status', 'Hosts']).flatMap(row => {
    const name = textOf(row.Name, 'SHOW SNAPSHOTS')
    if (!isCheckpointName(name)) return []
    const hosts = textOf(row.Hosts, 'SHOW SNAPSHOTS')
    return [
      {
        name,
        status: row.Status === 'VALID' ? 'valid' : 'invalid',
        hosts: hosts.split(',').flatMap(host => host.trim() || []),
      } satisfies SnapshotRow,
    ]
  })
}
