import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatDuration } from '../../../base/units.ts'
import type { Generation } from '../contract.ts'
import { isMajor2 } from '../generations/versions.ts'
import type { GraphReaderSession, GraphTable } from './contract.ts'
import { showJob, showJobs } from './statements.ts'
import { rowsOf, textOf, unexpected } from './tables.ts'

/** A job that has not ended. */
export interface RunningJob {
  readonly id: bigint
  /** As NebulaGraph names it: REBUILD_TAG_INDEX, COMPACT ... */
  readonly command: string
  readonly status: 'QUEUE' | 'RUNNING'
  /** The spaces that list it; up to 2.x each space lists the jobs of all. */
  readonly spaces: readonly string[]
  /** Backups and snapshots are refused while it runs. */
  readonly refusesBackup: boolean
}

/** Jobs for which createBackup is refused in every version (specs/nebula.md §2.0, step 2). */
const refusing: readonly string[] = ['REBUILD_TAG_INDEX', 'REBUILD_EDGE_INDEX']

/** And since 3.4. */
const refusingSince34: readonly string[] = [
  ...refusing,
  'REBUILD_FULLTEXT_INDEX',
  'COMPACT',
  'INGEST',
  'DATA_BALANCE',
  'ZONE_BALANCE',
  'LEADER_BALANCE',
]

/** Which version it is, as metads tell it. */
export interface JobVersion {
  readonly generation: Generation
  readonly version?: string
}

/**
 * Whether createBackup would be refused while such a job is queued or running. Where the version is not
 * known, what 3.4 refuses counts.
 */
export function refusesBackup(command: string, { generation, version }: JobVersion): boolean {
  const [, minor] = /^v?3\.(\d+)/.exec(version ?? '') ?? []
  const is33 = generation === '3.3' && minor !== undefined && Number(minor) < 4
  return (generation === '3.3' && !is33 ? refusingSince34 : refusing).includes(command)
}

/**
 * The jobs of spaces that are queued or running.
 * @throws nebula.refused, nebula.unreachable, nebula.protocol
 */
export async function runningJobs(
  session: GraphReaderSession,
  spaces: readonly string[],
  version: JobVersion,
  io: Io,
): Promise<readonly RunningJob[]> {
  const jobs = new Map<string, RunningJob>()
  for (const space of spaces) {
    const table = await session.read(showJobs, io, { space })
    for (const job of readJobs(table)) {
      // Numbers were the whole cluster's up to 2.x, and every space listed all jobs.
      const isShared = isMajor2(version.generation)
      const key = isShared ? `${job.id}` : `${space}\n${job.id}`
      const listedBy = jobs.get(key)?.spaces ?? []
      jobs.set(key, {
        ...job,
        spaces: [...listedBy, space],
        refusesBackup: refusesBackup(job.command, version),
      })
    }
  }
  return [...jobs.values()]
}

function readJobs(table: GraphTable): readonly Pick<RunningJob, 'id' | 'command' | 'status'>[] {
  return rowsOf(table, 'SHOW JOBS', ['Job Id', 'Command', 'Status']).flatMap(row => {
    const status = textOf(row.Status, 'SHOW JOBS')
    if (status !== 'QUEUE' && status !== 'RUNNING') return []
    const id = row['Job Id']
    if (typeof id !== 'bigint') throw unexpected('SHOW JOBS', 'has a job without a number')
    return [{ id, command: textOf(row.Command, 'SHOW JOBS'), status }]
  })
}

/** Milliseconds between two looks at a job: short at first, most are. */
const shortestPauseMs = 200
const longestPauseMs = 5000

/**
 * Waits until a job of a space has finished.
 * @throws nebula.not_ready when it fails, is stopped, or does not end in time
 */
export async function awaitJob(
  session: GraphReaderSession,
  job: { readonly id: bigint; readonly space: string },
  wait: { readonly timeoutMs: number; readonly clock: Clock },
  io: Io,
): Promise<void> {
  const start = wait.clock.monotonicMs()
  for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const status = readJobStatus(await session.read(showJob(job.id), io, { space: job.space }))
    if (status === 'FINISHED') return
    if (status !== 'QUEUE' && status !== 'RUNNING') {
      throw new BkpError('nebula.not_ready', `job ${job.id} of space ${job.space} is ${status}`, {
        hint: `SHOW JOB ${job.id} tells which storaged failed`,
        details: { job: String(job.id), space: job.space, status },
      })
    }
    const leftMs = wait.timeoutMs - (wait.clock.monotonicMs() - start)
    if (leftMs <= 0) {
      throw new BkpError(
        'nebula.not_ready',
        `job ${job.id} of space ${job.space} is ${status} after ${formatDuration(wait.timeoutMs)}`,
        {
          hint: 'give it a longer timeout; jobs of a space run one after the other',
          details: { job: String(job.id), space: job.space, status },
        },
      )
    }
    await wait.clock.sleep(Math.min(pauseMs, leftMs), io.signal)
  }
}

/** The status of a job itself: its first row, before those of its tasks. */
function readJobStatus(table: GraphTable): string {
  const [job] = rowsOf(table, 'SHOW JOB', ['Status'])
  if (job === undefined) throw unexpected('SHOW JOB', 'shows nothing')
  return textOf(job.Status, 'SHOW JOB')
}
