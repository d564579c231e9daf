import { BkpError } from '../base/errors.ts'
import { advance } from '../engine/advance.ts'
import { createProgram, type Program, type ProgramOptions, taskAt } from '../engine/program.ts'
import { initialState, type State } from '../engine/state.ts'
import type { RunEvent } from '../events/events.ts'
import { compileExpression } from '../expression/compile.ts'
import { literal } from '../expression/scope.ts'
import type { Play, Task } from '../runbook/contract.ts'
import { type Recording, readRecording } from './recording.ts'

/** A finished run's rollbacks, newest first, as a program of their own. */
export interface Undoing {
  readonly program: Program
  /** The variables as the run left them. */
  readonly state: State
  /** What will be run, for the question: `repository.unswap on a, b`. */
  readonly steps: readonly string[]
}

type Dropped = Extract<RunEvent, { event: 'settled' }>

/**
 * Makes a program of the rollbacks that a run owed and dropped because all went well.
 * @throws usage.invalid when there are none
 */
export function undoing(
  options: Omit<ProgramOptions, 'mode'>,
  events: readonly RunEvent[],
): Undoing {
  const original = createProgram({ ...options, mode: 'apply' })
  const after = fold(
    original,
    readRecording(events, () => new Set(), { keepSettled: () => true }),
  )
  const dropped = undoable(events)
  if (dropped.length === 0) {
    throw new BkpError('usage.invalid', `run ${options.run.id} has nothing to undo`, {
      hint: 'only steps with a rollback can be undone, once, in a run that has ended',
    })
  }
  const hosts = [...new Set(dropped.flatMap(({ hosts: of = [] }) => of))]
  const tasks = dropped.map((event, index) => rollbackOf(original, event, `/undo/tasks/${index}`))
  const [first] = original.playbook.plays
  if (first === undefined) throw new BkpError('internal', 'a playbook without plays was run')
  const play: Play = {
    ...first,
    id: '/undo',
    name: `Undo run ${options.run.id}`,
    hosts: hosts.join(','),
    vars: new Map(),
    tasks,
    confirm: undefined,
    anyErrorsFatal: true,
  }
  const playbook = { ...original.playbook, plays: [play] }
  return {
    program: createProgram({ ...options, playbook, match: () => hosts, mode: 'apply' }),
    state: { ...initialState(), facts: after.facts },
    steps: tasks.map(
      (task, index) => `${task.module} on ${(dropped[index]?.hosts ?? []).join(', ')}`,
    ),
  }
}

/** Rollbacks dropped when their blocks ended well, and not run by an earlier undo; newest first. */
function undoable(events: readonly RunEvent[]): readonly Dropped[] {
  const lastUndo = events.findLastIndex(
    event => event.event === 'run.resumed' && event.how === 'undo',
  )
  return events
    .slice(lastUndo + 1)
    .filter(event => event.event === 'settled')
    .filter(event => event.kind === 'rollback' && event.outcome === 'dropped')
    .reverse()
}

/** The rollback as a task that stands by itself: with the variables of its play, and its item. */
function rollbackOf(program: Program, event: Dropped, id: string): Task {
  const owner = taskAt(program, event.settles ?? '')
  const rollback = owner?.rollback
  if (owner === undefined || rollback === undefined) {
    throw new BkpError('run.edited', `the step ${event.settles} has no rollback any more`)
  }
  const play = program.playbook.plays[Number(owner.id.split('/')[1])]
  const item = event.item_value
  const hosts = JSON.stringify(event.hosts ?? [event.host])
  return {
    ...rollback,
    // A loop owes its rollback once an item: each needs an id of its own.
    id,
    when: [compileExpression(`inventory_hostname in ${hosts}`), ...rollback.when],
    vars: [
      play?.vars ?? new Map(),
      ...rollback.vars,
      new Map(item === undefined ? [] : [[owner.loopControl.loopVar, literal(item)]]),
    ],
  }
}

/** The interpreter's state after the run, from its journal alone. */
function fold(program: Program, recording: Recording): State {
  let { state, requests } = advance(program, initialState(), { kind: 'start' })
  const queue = [...requests]
  for (let request = queue.shift(); request !== undefined; request = queue.shift()) {
    const input =
      request.kind === 'confirm'
        ? ({ kind: 'confirmed', id: request.id, granted: true } as const)
        : ({
            kind: 'performed',
            id: request.id,
            outcome: recording.outcome(request.ref) ?? { status: 'failed', result: {} },
          } as const)
    ;({ state, requests } = advance(program, state, input))
    queue.push(...requests)
  }
  return state
}
