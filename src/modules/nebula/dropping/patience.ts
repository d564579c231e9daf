import type { Clock } from '../../../base/clock.ts'
import { asBkpError, type BkpError, type ErrorCode } from '../../../base/errors.ts'
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

/**
 * What a metad answers that has only just started, is about to lose its lead, or works on something else:
 * errors of its own store (specs/nebula.md §1.2, §1.3). Nothing of them says that a drop cannot be done.
 */
const passingAnswers: ReadonlySet<unknown> = new Set([
  'E_DISCONNECTED',
  'E_FAIL_TO_CONNECT',
  'E_RPC_FAILURE',
  'E_LEADER_CHANGED',
  'E_PART_NOT_FOUND',
  'E_SPACE_NOT_FOUND',
  'E_STORE_FAILURE',
  'E_CHECKPOINT_BLOCKED',
  'E_RAFT_WRITE_BLOCKED',
  'E_UNKNOWN',
])

/** How long metads may be without a leader, in all; a client waits for one, too. */
const electionMs = 120_000
const firstPauseMs = 1000
const longestPauseMs = 30_000

/**
 * Drops on the leader of now. A drop queues behind a createBackup that still runs there (specs/nebula.md
 * §2.0, 3), so it is asked again for as long as one may take; a second drop is no harm. What a metad
 * answers during an election or right after its start is asked again, too, for two minutes.
 * @throws what the client throws
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
      const error = asBkpError(thrown)
      const { code } = error
      const nowMs = clock.monotonicMs()
      // A metad that keeps a drop waiting works on what was asked before.
      const works = code === 'nebula.outcome_unknown' || nowMs - askedMs > electionMs
      const isOver = nowMs - startedMs + pauseMs > (works ? longestMs : electionMs)
      if (!passes(error) || isOver || io.signal.aborted) throw thrown
      // One that was refused half-way may have dropped it, too.
      wasLost ||= works || code === 'nebula.refused'
    }
    await clock.sleep(pauseMs, io.signal)
    pauseMs = Math.min(2 * pauseMs, longestPauseMs)
  }
}

function passes({ code, details }: BkpError): boolean {
  return passing.has(code) || (code === 'nebula.refused' && passingAnswers.has(details['name']))
}
