import type { Lane } from './state.ts'
import type { Turn } from './turn.ts'

/** Lanes that have begun and are not through. */
export function lanesUnderWay({ state }: Turn): readonly number[] {
  return state.lanes.flatMap((lane, index) => (isUnderWay(lane) ? [index] : []))
}

/** Lanes that are to begin now: all of them, of host_pinned as many as there are forks left. */
export function lanesToBegin({ state, program }: Turn): readonly number[] {
  const waiting = state.lanes.flatMap((lane, index) => (lane.started ? [] : [index]))
  if (program.playbook.plays[state.play]?.strategy !== 'host_pinned') return waiting
  const underWay = state.lanes.filter(isUnderWay).length
  return waiting.slice(0, Math.max(0, program.settings.forks - underWay))
}

function isUnderWay(lane: Lane): boolean {
  return lane.started && lane.stack.length > 0
}
