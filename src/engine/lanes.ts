import type { Lane } from './state.ts'
import type { Turn } from './turn.ts'

/**
 * Lanes that may go on: the one an input concerned, or all that have begun; of host_pinned as many
 * at a time as there are forks, each until it is through. With -1, only those that are to begin.
 */
export function nextLanes(turn: Turn, only: number | undefined): readonly number[] {
  const { state, program } = turn
  const pinned = program.playbook.plays[state.play]?.strategy === 'host_pinned'
  const underWay = state.lanes.filter(isUnderWay).length
  let free = pinned ? Math.max(0, program.settings.forks - underWay) : state.lanes.length
  const found: number[] = []
  state.lanes.forEach((lane, index) => {
    if (lane.started) {
      if (isUnderWay(lane) && (only === undefined || only === index)) found.push(index)
      return
    }
    if (only !== undefined && only !== -1) return
    if (free > 0) {
      found.push(index)
      free -= 1
    }
  })
  return found
}

function isUnderWay(lane: Lane): boolean {
  return lane.started && lane.stack.length > 0
}
