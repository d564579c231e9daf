import type { EngineEvent, Recap, StepStatus } from '../events/events.ts'
import { blockAt, type Program } from './program.ts'
import type { Request } from './protocol.ts'
import {
  type BlockFrame,
  type Frame,
  forkFrame,
  type Loss,
  type State,
  type TaskFrame,
} from './state.ts'

/** One advance in progress: the draft it writes, and what it has asked and told so far. */
export interface Turn {
  readonly program: Program
  readonly state: State
  /** Of the lane that goes on: all hosts of the batch, or one of a free play. */
  stack: Frame[]
  /** The host whose lane it is; empty for all. */
  lane: string
  readonly requests: Request[]
  readonly events: EngineEvent[]
  /** Parts of the draft that were copied in this turn, and may be written to. */
  readonly copied: Set<'facts' | 'recap'>
}

/** The facts of all hosts, fit to be written to. */
export function factsToWrite({ state, copied }: Turn): State['facts'] {
  if (!copied.has('facts')) state.facts = new Map(state.facts)
  copied.add('facts')
  return state.facts
}

/** Goes on with that lane of a free play. */
export function enterLane(turn: Turn, index: number): void {
  const lane = turn.state.lanes[index]
  // It was entered, and copied, earlier in this turn.
  if (lane === undefined || lane.stack === turn.stack) return
  const copy = { ...lane, started: true, stack: lane.stack.map(forkFrame) }
  turn.state.lanes[index] = copy
  turn.stack = copy.stack
  turn.lane = copy.host
}

export function topFrame(turn: Turn): Frame | undefined {
  return turn.stack.at(-1)
}

/** The block frames around the running task, innermost first. */
export function enclosingBlocks(turn: Turn): readonly BlockFrame[] {
  return turn.stack.filter(frame => frame.kind === 'block').reverse()
}

/** The block of the playbook that owes what a step here owes. */
export function owingBlock(turn: Turn): BlockFrame | undefined {
  return enclosingBlocks(turn).find(frame => !isTransparent(turn, frame))
}

/** True for a frame that only groups steps: it is not shown, and owes nothing by itself. */
export function isTransparent(turn: Turn, frame: BlockFrame): boolean {
  return (
    frame.flush !== undefined ||
    frame.queue !== undefined ||
    blockAt(turn.program, frame.id)?.transparent === true
  )
}

export function runningTask(turn: Turn): TaskFrame | undefined {
  const frame = topFrame(turn)
  return frame?.kind === 'task' ? frame : undefined
}

/** The hosts that the frame's section still has. */
export function liveHosts(turn: Turn, frame: BlockFrame): string[] {
  return frame.active.filter(
    host =>
      frame.lost[host] === undefined &&
      turn.state.ended[host] === undefined &&
      turn.stack.every(each => each.kind !== 'block' || each.left?.[host] === undefined),
  )
}

/**
 * True when the run is ending: when too many hosts failed, or after a first signal all but `always` (and what stands in it, which
 * behaves as ever) is left out, after a second one `always` too.
 */
export function isWinding(turn: Turn): boolean {
  const { cancelled, stopped } = turn.state
  if (cancelled === 2) return true
  if (cancelled === 0 && !stopped) return false
  return enclosingBlocks(turn).every(frame => frame.section !== 'always')
}

/** True when a failure now will be looked after by a rescue around it. */
export function isRescuable(turn: Turn): boolean {
  return (
    !isWinding(turn) &&
    enclosingBlocks(turn).some(
      frame =>
        (frame.section === 'block' || frame.section === 'rollback') &&
        (blockAt(turn.program, frame.id)?.rescue.length ?? 0) > 0,
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
  const recap = recapOf(turn, host)
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

type Row = { -readonly [K in keyof Recap]: number }

/** The host's row of the recap, fit to be written to. */
export function recapOf({ state, copied }: Turn, host: string): Row {
  if (!copied.has('recap')) state.recap = new Map(state.recap)
  copied.add('recap')
  const row = state.recap.get(host) ?? noSteps
  const copy = { ...row }
  state.recap.set(host, copy)
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
