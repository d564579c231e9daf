import type { Clock } from '../../../base/clock.ts'
import { asBkpError, type ErrorCode } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { MetaClient } from '../../../databases/nebula/contract.ts'
import type { NebulaCluster } from '../shared/cluster.ts'
import { createTimeoutMs } from './create-timeout.ts'

/** What passes by itself: an election, a metad that still works on what was asked before. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'nebula.unreachable',
  'nebula.no_leader',
  'nebula.outcome_unknown',
])

/** How long metads may be without a leader, in all; a client waits for one, too. */
const electionMs = 120_000
const firstPauseMs = 1000
const longestPauseMs = 30_000

/**
 * Drops on the leader of now. A drop queues behind a createBackup that still runs there (specs/nebula.md
 * §2.0, 3), so it is asked again for as long as one may take; a second drop is no harm.
 */
export async function dropPatiently(
  {
    client,
    cluster,
    clock,
  }: { readonly client: MetaClient; readonly cluster: NebulaCluster; readonly clock: Clock },
  name: string,
  io: Io,
): Promise<'dropped' | 'absent'> {
  const startedMs = clock.monotonicMs()
  const longestMs = createTimeoutMs(cluster.settings)
  let pauseMs = firstPauseMs
  let wasLost = false
  for (;;) {
    const askedMs = clock.monotonicMs()
    try {
      const answer = await client.dropSnapshot(name, io)
      // Absent after a lost answer is what the lost one did.
      return wasLost ? 'dropped' : answer
    } catch (thrown) {
      const { code } = asBkpError(thrown)
      const nowMs = clock.monotonicMs()
      // A metad that keeps a drop waiting works on what was asked before.
      const works = code === 'nebula.outcome_unknown' || nowMs - askedMs > electionMs
      const isOver = nowMs - startedMs + pauseMs > (works ? longestMs : electionMs)
      if (!passing.has(code) || isOver || io.signal.aborted) throw thrown
      wasLost ||= works
    }
    await clock.sleep(pauseMs, io.signal)
    pauseMs = Math.min(2 * pauseMs, longestPauseMs)
  }
}
