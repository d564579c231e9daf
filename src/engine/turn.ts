import type { EngineEvent, Recap, StepStatus } from '../events/events.ts'
import type { Program } from './program.ts'
import type { Request } from './protocol.ts'
import type { BlockFrame, Frame, Loss, State, TaskFrame } from './state.ts'

/** One advance in progress: the draft it writes, and what it has asked and told so far. */
export interface Turn {
  readonly program: Program
  readonly state: State
  readonly requests: Request[]
  readonly events: EngineEvent[]
}

export function topFrame(turn: Turn): Frame | undefined {
  return turn.state.stack.at(-1)
}

/** The block frames around the running task, innermost first. */
export function enclosingBlocks(turn: Turn): readonly BlockFrame[] {
  return turn.state.stack.filter(frame => frame.kind === 'block').reverse()
}

export function runningTask(turn: Turn): TaskFrame | undefined {
  const frame = topFrame(turn)
  return frame?.kind === 'task' ? frame : undefined
}

/** The hosts that the frame's section still has. */
export function liveHosts(frame: BlockFrame): string[] {
  return frame.active.filter(host => frame.lost[host] === undefined)
}

/**
 * True when the run is ending: after a first signal all but `always` (and what stands in it, which
 * behaves as ever) is left out, after a second one `always` too.
 */
export function isWinding(turn: Turn): boolean {
  const { cancelled } = turn.state
  if (cancelled !== 1) return cancelled === 2
  return enclosingBlocks(turn).every(frame => frame.section !== 'always')
}

/** True when a failure now will be looked after by a rescue around it. */
export function isRescuable(turn: Turn): boolean {
  return (
    !isWinding(turn) &&
    enclosingBlocks(turn).some(
      frame =>
        (frame.section === 'block' || frame.section === 'rollback') &&
        (turn.program.blocks.get(frame.id)?.rescue.length ?? 0) > 0,
    )
  )
}

/** Takes a host out of the section; the first reason stays. */
export function lose(frame: BlockFrame, host: string, loss: Loss): void {
  frame.lost[host] ??= loss
}

/** Adds a step's end to the recap, as Ansible counts: changed and ignored are ok too. */
export function countStep(
  turn: Turn,
  host: string,
  status: StepStatus,
  options: { readonly changed: boolean; readonly rescuable: boolean },
): void {
  const recap = recapOf(turn.state, host)
  if (status === 'failed' || status === 'unreachable') {
    recap[options.rescuable ? 'rescued' : status] += 1
    return
  }
  if (status === 'skipped') {
    recap.skipped += 1
    return
  }
  recap.ok += 1
  if (options.changed) recap.changed += 1
  if (status === 'ignored') recap.ignored += 1
}

/** The host's row of the recap, fit to be written to. */
export function recapOf(state: State, host: string): State['recap'][string] {
  const row = state.recap[host] ?? noSteps
  const copy = { ...row }
  state.recap[host] = copy
  return copy
}

const noSteps: Recap = {
  ok: 0,
  changed: 0,
  unreachable: 0,
  failed: 0,
  skipped: 0,
  rescued: 0,
  ignored: 0,
}
