import { advance } from '../../../src/engine/advance.ts'
import type { Program } from '../../../src/engine/program.ts'
import type { Advance } from '../../../src/engine/protocol.ts'
import type { BlockFrame, State } from '../../../src/engine/state.ts'
import type { RunEvent } from '../../../src/events/events.ts'
import type { Block, Task } from '../../../src/runbook/contract.ts'
import type { Interpreter } from './live.ts'
import type { JournalReader } from './mortal.ts'
import type { Invariant } from './violation.ts'

/** A bug, and the promise that it breaks. */
export interface Planted {
  readonly bug: string
  readonly breaks: Invariant
  readonly interpreter: Interpreter
}

/** The interpreter with what it says and remembers rewritten. */
function rewriting(rewrite: (next: Advance<State>, before: State) => Advance<State>): Interpreter {
  return (program, state, input) => rewrite(advance(program, state, input), state)
}

/** The interpreter on a program that says something else. */
function reading(rewrite: {
  readonly block?: (block: Block) => Block
  readonly task?: (task: Task) => Task
}): Interpreter {
  const known = new WeakMap<Program, Program>()
  return (program, state, input) => {
    const other = known.get(program) ?? {
      ...program,
      blocks: new Map(
        [...program.blocks].map(([id, block]) => [id, rewrite.block?.(block) ?? block]),
      ),
      tasks: new Map([...program.tasks].map(([id, task]) => [id, rewrite.task?.(task) ?? task])),
    }
    known.set(program, other)
    return advance(other, state, input)
  }
}

function withBlocks(
  next: Advance<State>,
  rewrite: (frame: BlockFrame) => BlockFrame,
): Advance<State> {
  const stack = next.state.stack.map(frame => (frame.kind === 'block' ? rewrite(frame) : frame))
  return { ...next, state: { ...next.state, stack } }
}

type Row = State['recap'] extends Map<string, infer Each> ? Each : never

function withRecap(next: Advance<State>, rewrite: (row: Row) => Row): Advance<State> {
  const rows = new Map([...next.state.recap].map(([host, row]) => [host, rewrite(row)]))
  const recap = Object.fromEntries(rows)
  const events = next.events.map(event =>
    event.event === 'run.finished' ? { ...event, recap } : event,
  )
  return {
    ...next,
    events,
    state: next.state.finished ? { ...next.state, recap: rows } : next.state,
  }
}

let calls = 0

/** At least one bug for each promise; every one of them must be found. */
export const planted: readonly Planted[] = [
  {
    bug: 'forgets releases when a run is cancelled',
    breaks: 'owed',
    interpreter: rewriting(next =>
      next.state.cancelled === 0
        ? next
        : withBlocks(next, frame => ({
            ...frame,
            owed: frame.owed.filter(({ kind }) => kind !== 'release'),
          })),
    ),
  },
  {
    bug: 'forgets what a host owes that was lost',
    breaks: 'owed',
    interpreter: rewriting(next =>
      withBlocks(next, frame => ({
        ...frame,
        owed: frame.owed.map(owed => ({
          ...owed,
          hosts: owed.hosts.filter(host => frame.lost[host] === undefined),
        })),
      })),
    ),
  },
  {
    bug: 'rolls back oldest first',
    breaks: 'owed',
    interpreter: rewriting((next, before) =>
      withBlocks(next, frame => {
        const old = before.stack.find(({ kind, id }) => kind === 'block' && id === frame.id)
        const known = old?.kind === 'block' ? old.owed.length : 0
        const isNew = frame.section === 'block' && frame.owed.length > known
        return isNew
          ? { ...frame, owed: [...frame.owed.slice(known), ...frame.owed.slice(0, known)] }
          : frame
      }),
    ),
  },
  {
    bug: 'rolls back what succeeded',
    breaks: 'owed',
    interpreter: reading({
      task: task =>
        task.rollback === undefined || task.release !== undefined
          ? task
          : { ...task, rollback: undefined, release: task.rollback },
    }),
  },
  {
    bug: 'says that a release ran which was given up',
    breaks: 'owed',
    interpreter: rewriting(next => ({ ...next, state: { ...next.state, unsettled: [] } })),
  },
  {
    bug: 'skips always',
    breaks: 'always',
    interpreter: reading({ block: block => ({ ...block, always: [] }) }),
  },
  {
    bug: 'skips always and rescue on hosts that were lost',
    breaks: 'always',
    interpreter: rewriting(next =>
      withBlocks(next, frame => ({
        ...frame,
        hosts: frame.hosts.filter(host => frame.lost[host] === undefined),
      })),
    ),
  },
  {
    bug: 'rescues hosts that did not fail',
    breaks: 'always',
    interpreter: rewriting(next =>
      withBlocks(next, frame => ({
        ...frame,
        failed:
          Object.keys(frame.failed).length === 0
            ? frame.failed
            : Object.fromEntries(frame.hosts.map(host => [host, 'failed' as const])),
      })),
    ),
  },
  {
    bug: 'rescues a cancelled run',
    breaks: 'always',
    interpreter: (program, state, input) => {
      const top = state.stack.at(-2)
      const inMain = top?.kind === 'block' && top.section === 'block'
      return advance(program, inMain ? { ...state, cancelled: 0 } : state, input)
    },
  },
  {
    bug: 'counts a failed step twice',
    breaks: 'counters',
    interpreter: rewriting(next => withRecap(next, row => ({ ...row, failed: row.failed * 2 }))),
  },
  {
    bug: 'does not count ignored steps as ok',
    breaks: 'counters',
    interpreter: rewriting(next => withRecap(next, row => ({ ...row, ok: row.ok - row.ignored }))),
  },
  {
    bug: 'exits with 0 whatever failed',
    breaks: 'counters',
    interpreter: rewriting(next => ({
      ...next,
      events: next.events.map(event =>
        event.event === 'run.finished' ? { ...event, exit_code: 0 } : event,
      ),
    })),
  },
  {
    bug: 'goes on before all hosts are through',
    breaks: 'order',
    interpreter: rewriting((next, before) => {
      const first = before.stack.length > 0 && next.requests.length === 0
      const stack = next.state.stack.map(frame =>
        first && frame.kind === 'task'
          ? { ...frame, units: frame.units.map(unit => ({ ...unit, request: null, done: true })) }
          : frame,
      )
      return { ...next, state: { ...next.state, stack } }
    }),
  },
  {
    bug: 'asks for a step twice',
    breaks: 'order',
    interpreter: rewriting(next => ({
      ...next,
      requests: next.requests.flatMap(request => [request, request]),
    })),
  },
  {
    bug: 'starts what was not granted',
    breaks: 'order',
    interpreter: (program, state, input) =>
      advance(program, state, input.kind === 'confirmed' ? { ...input, granted: true } : input),
  },
  {
    bug: 'ends twice',
    breaks: 'order',
    interpreter: rewriting(next => ({
      ...next,
      events: [...next.events, ...next.events.filter(({ event }) => event === 'run.finished')],
    })),
  },
  {
    bug: 'writes to the state it was given',
    breaks: 'purity',
    interpreter: (program, state, input) => {
      const next = advance(program, state, input)
      state.nextRequest = next.state.nextRequest
      return next
    },
  },
  {
    bug: 'remembers something outside of its state',
    breaks: 'purity',
    interpreter: rewriting(next => {
      calls += 1
      return calls % 7 === 0 && !next.state.finished
        ? { ...next, events: next.events.slice(1).filter(({ event }) => event !== 'owed') }
        : next
    }),
  },
]

/** A bug in what a resumed run makes of its journal. */
export interface PlantedReader {
  readonly bug: string
  readonly breaks: Invariant
  readonly reads: JournalReader
}

/** Nothing is owed any more, but nobody says that it was by taking back what was done. */
function withoutSettling(events: readonly RunEvent[]): readonly RunEvent[] {
  return events
    .filter(event => event.event === 'settled' || !('settles' in event))
    .map(event =>
      event.event === 'settled' && event.outcome === 'ran'
        ? { ...event, outcome: 'dropped' }
        : event,
    )
}

/** Bugs that only a run that dies can show. */
export const plantedReaders: readonly PlantedReader[] = [
  {
    bug: 'takes over nothing that earlier lives owe',
    breaks: 'owed',
    reads: events => events.filter(({ event }) => event !== 'owed'),
  },
  { bug: 'takes for done what was rolled back', breaks: 'owed', reads: withoutSettling },
  { bug: 'works with what was released', breaks: 'resume', reads: withoutSettling },
  {
    bug: 'does again what is done',
    breaks: 'resume',
    reads: events => events.filter(event => event.event !== 'step.finished' || 'settles' in event),
  },
]
