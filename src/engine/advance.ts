import { leaveSection, nextChild } from './block.ts'
import { answer } from './confirm.ts'
import { enterChild } from './enter-task.ts'
import { lanesToBegin, lanesUnderWay } from './lanes.ts'
import { batchOver, nextPlay } from './play.ts'
import type { Program } from './program.ts'
import type { Advance, Input } from './protocol.ts'
import { forkState, type State } from './state.ts'
import { finishTask, isTaskDone, performed } from './task.ts'
import { enterLane, runningTask, type Turn, topFrame } from './turn.ts'

/**
 * The interpreter: one pure step. Applying, planning and resuming all drive this function; they
 * differ only in how they answer its requests.
 */
export function advance(program: Program, state: State, input: Input): Advance<State> {
  const requests: Turn['requests'] = []
  const events: Turn['events'] = []
  const draft = forkState(state)
  const turn: Turn = {
    program,
    state: draft,
    stack: draft.stack,
    lane: '',
    requests,
    events,
    copied: new Set(),
  }
  const lane = accept(turn, input)
  settle(turn, lane)
  return { state: turn.state, requests, events }
}

/** Takes the input; the lane that it concerned, where it was one of several. */
function accept(turn: Turn, input: Input): number | undefined {
  switch (input.kind) {
    case 'start':
      if (input.inherited !== undefined) turn.state.inherited = input.inherited
      nextPlay(turn)
      return undefined
    case 'performed': {
      const lane = laneOf(turn, input.id)
      if (lane !== undefined) enterLane(turn, lane)
      performed(turn, input.id, input.outcome)
      return lane
    }
    case 'confirmed':
      answer(turn, input.id, input.granted)
      return undefined
    case 'cancel':
      cancel(turn, input.level)
      return undefined
  }
}

function laneOf(turn: Turn, request: number): number | undefined {
  const index = turn.state.lanes.findIndex(({ stack }) => {
    const top = stack.at(-1)
    return top?.kind === 'task' && top.units.some(unit => unit.request === request)
  })
  return index < 0 ? undefined : index
}

function cancel(turn: Turn, level: 1 | 2): void {
  if (turn.state.cancelled >= level) return
  turn.state.cancelled = level
  // Journaled: whoever resumes must know that what ended from here on may have been cut short.
  turn.events.push({ event: 'run.cancelled', level })
}

/** Goes on until something has to be answered from outside, or all is done. */
function settle(turn: Turn, lane: number | undefined): void {
  let only = lane
  while (!turn.state.finished) {
    if (turn.state.lanes.length > 0) {
      const lanes = only === undefined ? [...lanesUnderWay(turn), ...lanesToBegin(turn)] : [only]
      for (const index of lanes) {
        if (turn.state.confirmation !== null) return
        enterLane(turn, index)
        walk(turn)
      }
      only = undefined
      if (turn.state.lanes.some(({ stack }) => stack.length > 0)) {
        // A lane that came to its end may let another begin.
        if (lanesToBegin(turn).length > 0) continue
        return
      }
      turn.state.lanes = []
    } else {
      walk(turn)
    }
    if (turn.state.finished || turn.state.confirmation !== null) return
    if (turn.state.lanes.length === 0 && turn.state.stack.length > 0) return
    turn.stack = turn.state.stack
    turn.lane = ''
    batchOver(turn)
  }
}

/** Goes on with one stack until something of it has to be answered, or it is empty. */
function walk(turn: Turn): void {
  while (!turn.state.finished && turn.state.confirmation === null) {
    const task = runningTask(turn)
    if (task !== undefined) {
      if (!isTaskDone(turn, task)) return
      finishTask(turn, task)
      continue
    }
    const frame = topFrame(turn)
    if (frame === undefined || frame.kind !== 'block') return
    const child = nextChild(turn, frame)
    if (child === undefined) leaveSection(turn, frame)
    else enterChild(turn, frame, child)
  }
}
