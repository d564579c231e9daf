import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { surveyCheckpoints } from '../../../databases/nebula/checkpoints/survey.ts'
import { type Dropped, type Dropping, dropEverywhere } from './drop.ts'
import { liftBlockedWrites } from './lift-writes.ts'
import { dropPatiently } from './patience.ts'
import { newSince } from './since.ts'

/** What came of dropping something of which no name is known. */
export interface DroppedNew {
  readonly dropped: Dropped | undefined
  /** Set where its making had not ended well, and blocked writes were lifted afterwards. */
  readonly lifted: boolean
}

/** Names that no metad gives any more: dropping one does nothing but wait for its turn. */
const nobodys = {
  backup: 'BACKUP_1970_01_01_00_00_00',
  snapshot: 'SNAPSHOT_1970_01_01_00_00_00',
} as const

/**
 * Drops the one backup or snapshot that is new since `then`, of which only the making is known: it was cut
 * off, or its answer was lost. Waits first until nothing is being made any more: metad makes and drops one
 * at a time (specs/nebula.md §2.0, 3).
 * @throws nebula.not_ready where several are new: somebody else's may be among them
 */
export async function dropNew(
  dropping: Dropping,
  then: ReadonlySet<string>,
  kind: 'backup' | 'snapshot',
  {
    liftsWrites,
    io,
  }: {
    /** Whether writes are let go where its making did not end well. */
    readonly liftsWrites: 'unless_whole' | 'never'
    readonly io: Io
  },
): Promise<DroppedNew> {
  const { site, cluster, client } = dropping
  await waitForOthers(dropping, kind, io)
  const rows = await client.listSnapshots(io)
  const { found } = await surveyCheckpoints(site.hosts, cluster, io)
  const [name, ...others] = newSince(then, kind, { rows, found })
  if (name !== undefined && others.length > 0) throw ambiguous(kind, [name, ...others])
  const dropped = name === undefined ? undefined : await dropEverywhere(dropping, name, io)
  const isWhole = rows.some(row => row.name === name && row.status === 'valid')
  // A leader that died while it made one has unblocked nothing, and may have left nothing else.
  const lifts = !isWhole && liftsWrites === 'unless_whole'
  if (lifts) await liftBlockedWrites(dropping, io)
  return { dropped, lifted: lifts }
}

/**
 * Waits until nothing is being made any more: a drop of what nobody has waits for its turn, too.
 * @throws what the client throws, but a refusal: it was its turn then
 */
export async function waitForOthers(
  { site, cluster, client }: Dropping,
  kind: 'backup' | 'snapshot',
  io: Io,
): Promise<void> {
  try {
    await dropPatiently({ client, cluster, clock: site.run.clock }, nobodys[kind], io)
  } catch (thrown) {
    if (asBkpError(thrown).code !== 'nebula.refused') throw thrown
  }
}

function ambiguous(kind: 'backup' | 'snapshot', names: readonly string[]): BkpError {
  return new BkpError(
    'nebula.not_ready',
    `several ${kind}s are new, and which of them this run made is not known: ${names.join(', ')}`,
    {
      hint: 'drop those that nobody uses with nebula.drop_snapshot { name }, then run this again',
      details: { result: { candidates: names } },
    },
  )
}
