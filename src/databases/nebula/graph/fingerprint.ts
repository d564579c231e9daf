import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Fingerprint } from '../backup-metadata.ts'
import type { GraphClient, GraphReader, GraphReaderSession, GraphSession } from './contract.ts'
import { awaitJob } from './jobs.ts'
import { showStats, submitStats } from './statements.ts'
import { readStats } from './stats.ts'
import { rowsOf, unexpected } from './tables.ts'

export interface FingerprintOptions {
  readonly spaces: readonly string[]
  /** For all of it together. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** What spaces hold, by name. */
export type Fingerprints = Readonly<Record<string, Fingerprint>>

/**
 * Counts the vertices and edges of spaces anew: a STATS job in each, waited for. Jobs of several spaces
 * run side by side. What is written meanwhile may or may not be counted.
 * @throws nebula.not_ready when a job fails or does not end in time, nebula.refused, nebula.unreachable
 */
export async function takeFingerprint(
  graph: GraphClient,
  options: FingerprintOptions,
  io: Io,
): Promise<Fingerprints> {
  const { spaces, clock } = options
  const until = clock.monotonicMs() + options.timeoutMs
  return await withSession(await graph.open(io), async session => {
    const jobs = []
    for (const space of spaces) jobs.push({ space, id: await startStats(session, space, io) })
    for (const job of jobs) {
      const timeoutMs = Math.max(0, until - clock.monotonicMs())
      await awaitJob(session, job, { clock, timeoutMs }, io)
    }
    return await readAll(session, spaces, io)
  })
}

/**
 * What the newest STATS job of each space counted; undefined of a space in which none ever ran.
 * @throws nebula.refused, nebula.unreachable
 */
export async function lastFingerprint(
  graph: GraphReader,
  spaces: readonly string[],
  io: Io,
): Promise<Readonly<Record<string, Fingerprint | undefined>>> {
  return await withSession(await graph.openReader(io), async session => {
    const found: [string, Fingerprint | undefined][] = []
    for (const space of spaces) found.push([space, await readOrNone(session, space, io)])
    return Object.fromEntries(found)
  })
}

async function withSession<S extends GraphReaderSession, T>(
  session: S,
  use: (session: S) => Promise<T>,
): Promise<T> {
  try {
    return await use(session)
  } finally {
    await session.close()
  }
}

async function startStats(session: GraphSession, space: string, io: Io): Promise<bigint> {
  const table = await session.execute(submitStats, io, { space })
  const [row] = rowsOf(table, 'SUBMIT JOB STATS', ['New Job Id'])
  const id = row?.['New Job Id']
  if (typeof id === 'bigint') return id
  throw unexpected('SUBMIT JOB STATS', 'brought no number of a job')
}

async function readAll(
  session: GraphReaderSession,
  spaces: readonly string[],
  io: Io,
): Promise<Fingerprints> {
  const found: [string, Fingerprint][] = []
  for (const space of spaces) {
    found.push([space, readStats(await session.read(showStats, io, { space }))])
  }
  return Object.fromEntries(found)
}

/** graphd says that STATS has to run first with the code of any failed statement. */
async function readOrNone(
  session: GraphReaderSession,
  space: string,
  io: Io,
): Promise<Fingerprint | undefined> {
  try {
    return readStats(await session.read(showStats, io, { space }))
  } catch (error) {
    if (error instanceof BkpError && error.code === 'nebula.refused' && saysNoStats(error)) {
      return undefined
    }
    throw error
  }
}

function saysNoStats({ details, message }: BkpError): boolean {
  return details['name'] === 'E_EXECUTION_ERROR' && /stats/i.test(message)
}
