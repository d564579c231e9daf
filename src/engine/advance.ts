import { leaveSection, nextChild } from './block.ts'
import { answer } from './confirm.ts'
import { enterChild } from './enter-task.ts'
import { nextPlay } from './play.ts'
import type { Program } from './program.ts'
import type { Advance, Input } from './protocol.ts'
import { forkState, type State } from './state.ts'
import { finishTask, isTaskDone, performed } from './task.ts'
import { runningTask, type Turn, topFrame } from './turn.ts'

/**
 * The interpreter: one pure step. Applying, planning and resuming all drive this function; they
 * differ only in how they answer its requests.
 */
export function advance(program: Program, state: State, input: Input): Advance<State> {
  const requests: Turn['requests'] = []
  const events: Turn['events'] = []
  const turn: Turn = { program, state: forkState(state), requests, events }
  accept(turn, input)
  settle(turn)
  return { state: turn.state, requests, events }
}

function accept(turn: Turn, input: Input): void {
  switch (input.kind) {
    case 'start':
      if (input.inherited !== undefined) turn.state.inherited = input.inherited
      nextPlay(turn)
      return
    case 'performed':
      performed(turn, input.id, input.outcome)
      return
    case 'confirmed':
      answer(turn, input.id, input.granted !== false)
      return
    case 'cancel':
      cancel(turn, input.level)
      return
  }
}

function cancel(turn: Turn, level: 1 | 2): void {
  if (turn.state.cancelled >= level) return
  turn.state.cancelled = level
  // Journaled: whoever resumes must know that what ended from here on may have been cut short.
  turn.events.push({ event: 'run.cancelled', level })
}

/** Goes on until something has to be answered from outside, or all is done. */
function settle(turn: Turn): void {
  while (!turn.state.finished && turn.state.confirmation === null) {
    const task = runningTask(turn)
    if (task !== undefined) {
      if (!isTaskDone(turn, task)) return
      finishTask(turn, task)
      continue
    }
    const frame = topFrame(turn)
    if (frame === undefined || frame.kind !== 'block') {
      nextPlay(turn)
      continue
    }
    const child = nextChild(turn, frame)
    if (child === undefined) leaveSection(turn, frame)
    else enterChild(turn, frame, child)
  }
}
