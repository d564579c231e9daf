import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatDuration } from '../../../base/units.ts'
import type { MetaReader } from '../../../databases/nebula/contract.ts'
import { type RunningJob, runningJobs } from '../../../databases/nebula/graph/jobs.ts'
import type { ClusterState } from '../../../databases/nebula/topology/state.ts'
import { toTell } from './fault.ts'

/** Jobs that run, or why that is not known. */
export interface Jobs {
  readonly refusing: readonly RunningJob[]
  readonly others: readonly RunningJob[]
  /** What went wrong with graphd; absent where the inventory has none. */
  readonly problem?: string
  readonly isAsked: boolean
}

const pauseMs = 2000

/** What of a cluster its jobs are asked by. */
export type WhoseJobs = Pick<ClusterState, 'generation' | 'version'> & {
  readonly spaces: readonly { readonly name: string }[]
}

/** Asks a graphd for the jobs of all spaces. What goes wrong is told, not thrown. */
export async function readJobs(
  { graph }: Pick<MetaReader, 'graph'>,
  state: WhoseJobs,
  io: Io,
): Promise<Jobs> {
  if (graph === undefined) return { refusing: [], others: [], isAsked: false }
  try {
    const session = await graph.openReader(io)
    try {
      const { generation, version } = state
      const names = state.spaces.map(({ name }) => name)
      const kind = { generation, ...(version === null ? {} : { version }) }
      const jobs = await runningJobs(session, names, kind, io)
      return {
        refusing: jobs.filter(({ refusesBackup }) => refusesBackup),
        others: jobs.filter(({ refusesBackup }) => !refusesBackup),
        isAsked: true,
      }
    } finally {
      await session.close()
    }
  } catch (thrown) {
    return { refusing: [], others: [], problem: toTell(thrown, io).message, isAsked: true }
  }
}

/** `REBUILD_TAG_INDEX 12 of nba (RUNNING)`. */
export function jobText({ id, command, status, spaces }: RunningJob): string {
  return `${command} ${id} of ${spaces.join(', ')} (${status})`
}

/** Waits until no job runs that refuses backups. @throws nebula.not_ready, nebula.* */
export async function waitForJobs(
  reader: Pick<MetaReader, 'graph'>,
  state: WhoseJobs,
  wait: { readonly timeoutMs: number; readonly clock: Clock },
  io: Io,
): Promise<void> {
  const { clock, timeoutMs } = wait
  const start = clock.monotonicMs()
  for (;;) {
    const { refusing, problem } = await readJobs(reader, state, io)
    if (refusing.length === 0 && problem === undefined) return
    const leftMs = timeoutMs - (clock.monotonicMs() - start)
    if (leftMs <= 0) {
      const what = problem ?? refusing.map(jobText).join(', ')
      throw new BkpError(
        'nebula.not_ready',
        `jobs still keep backups from being made after ${formatDuration(timeoutMs)}: ${what}`,
        { hint: 'SHOW JOBS tells how far they are; STOP JOB ends one' },
      )
    }
    await clock.sleep(Math.min(pauseMs, leftMs), io.signal)
  }
}
