import { enclosingBlocks, isRescuable, lose, type Turn } from './turn.ts'

/**
 * `max_fail_percentage`: when more than that share of the batch failed or was not reached, the
 * playbook ends; what cleans up still runs. Failed hosts of earlier batches of the play count, as in
 * Ansible; unlike there, those that were not reached count too (specs/engine.md a.6, a.9 row 14).
 */
export function stopAtTooMany(turn: Turn): void {
  const { program, state } = turn
  const play = program.playbook.plays[state.play]
  if (play?.maxFailPercentage === undefined || state.lanes.length > 0 || isRescuable(turn)) return
  const { hosts } = state.batch
  const failed = new Set<string>(failedBefore(turn))
  for (const frame of enclosingBlocks(turn)) {
    for (const host of [...Object.keys(frame.lost), ...Object.keys(frame.failed)]) failed.add(host)
  }
  if (failed.size / hosts.length <= play.maxFailPercentage / 100) return
  state.stopped = true
  for (const frame of enclosingBlocks(turn)) {
    for (const host of frame.active) lose(frame, host, 'carried_along')
  }
  turn.events.push({
    event: 'notice',
    level: 'error',
    message:
      `${failed.size} of ${hosts.length} hosts failed, more than ` +
      `max_fail_percentage: ${play.maxFailPercentage} allows: the run ends`,
  })
}

/** Hosts that earlier batches of the play lost. */
function failedBefore({ program, state }: Turn): readonly string[] {
  const batches = program.batches[state.play] ?? []
  return batches
    .slice(0, state.batch.index)
    .flat()
    .filter(host => state.removed[host] !== undefined && state.removed[host] !== 'carried_along')
}
