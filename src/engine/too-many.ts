import { blockAt } from './program.ts'
import type { BlockFrame } from './state.ts'
import { enclosingBlocks, lose, type Turn } from './turn.ts'

/**
 * `max_fail_percentage`: when more than that share of the batch failed or was not reached, the
 * playbook ends. As in Ansible each batch counts its own hosts, and a host counts once no rescue or
 * always is left for it; unlike there, those that were not reached count too (specs/engine.md a.6,
 * a.9 row 14).
 */
export function stopAtTooMany(turn: Turn): void {
  const { program, state } = turn
  const play = program.playbook.plays[state.play]
  if (play?.maxFailPercentage === undefined || state.lanes.length > 0) return
  if (enclosingBlocks(turn).some(frame => isLookedAfter(turn, frame))) return
  const { hosts } = state.batch
  const failed = new Set<string>()
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

/** True where the block still has a section for a host that fails now. */
function isLookedAfter({ program }: Turn, frame: BlockFrame): boolean {
  const block = blockAt(program, frame.id)
  if (block === undefined || block.transparent || frame.section === 'always') return false
  if (block.always.length > 0) return frame.section !== 'release'
  return block.rescue.length > 0 && (frame.section === 'block' || frame.section === 'rollback')
}
