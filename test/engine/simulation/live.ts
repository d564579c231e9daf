import type { Program } from '../../../src/engine/program.ts'
import type { Advance, Inheritance, Input, Outcome, Request } from '../../../src/engine/protocol.ts'
import { initialState, type State } from '../../../src/engine/state.ts'
import type { EngineEvent } from '../../../src/events/events.ts'
import { programOf } from '../simulate.ts'
import { type Script, stepText } from './script.ts'
import type { World } from './world.ts'

/** The interpreter, or one with a bug planted in it. */
export type Interpreter = (program: Program, state: State, input: Input) => Advance<State>

/** What went in and came out, in order. */
export type Entry =
  | { readonly kind: 'input'; readonly input: Input }
  | { readonly kind: 'event'; readonly event: EngineEvent }
  | { readonly kind: 'request'; readonly request: Request }

export interface Life {
  readonly log: readonly Entry[]
  readonly inputs: readonly Input[]
  readonly state: State
  /** What it took over from lives before. */
  readonly inherited: Inheritance
  /** Cut off before its end. */
  readonly died: boolean
}

export interface LifeOptions {
  readonly program: Program
  readonly interpreter: Interpreter
  readonly inherited?: Inheritance
  /** The answer to one of the outstanding requests; undefined: the process dies here. */
  readonly answer: (
    outstanding: readonly Request[],
  ) => Promise<Input | undefined> | Input | undefined
  /** Signals that come before that many answers were given. */
  readonly signals: World['signals']
  readonly watch?: (events: readonly EngineEvent[]) => void
}

export function programOfScript(script: Script): Program {
  return programOf({ hosts: script.hosts, plays: script.plays.map(steps => steps.map(stepText)) })
}

/** More inputs than any simulated runbook needs: the run does not end. */
const limit = 5000

/** Drives the interpreter until it is finished, stuck or dead. States are frozen on their way. */
export async function live(options: LifeOptions): Promise<Life> {
  const { program, interpreter, inherited = { owed: [], facts: {} } } = options
  const log: Entry[] = []
  const inputs: Input[] = []
  const outstanding = new Map<number, Request>()
  let state = deepFreeze(initialState())
  let answered = 0

  const feed = (input: Input): void => {
    inputs.push(input)
    log.push({ kind: 'input', input })
    const next = interpreter(program, state, input)
    state = deepFreeze(next.state)
    for (const event of next.events) log.push({ kind: 'event', event })
    for (const request of next.requests) {
      log.push({ kind: 'request', request })
      outstanding.set(request.id, request)
    }
    options.watch?.(next.events)
  }
  feed({ kind: 'start', inherited })
  const signals = [...options.signals]
  while (outstanding.size > 0 && inputs.length < limit) {
    while (signals[0] !== undefined && signals[0].after <= answered) {
      feed({ kind: 'cancel', level: signals.shift()?.level ?? 1 })
    }
    const input = await options.answer([...outstanding.values()])
    if (input === undefined) return { log, inputs, state, inherited, died: true }
    if (input.kind === 'performed' || input.kind === 'confirmed') outstanding.delete(input.id)
    answered += 1
    feed(input)
  }
  return { log, inputs, state, inherited, died: false }
}

/** A life without deaths: the hosts answer in random order. */
export async function liveOnce(
  program: Program,
  world: World,
  interpreter: Interpreter,
): Promise<Life> {
  return await live({
    program,
    interpreter,
    signals: world.signals,
    answer: outstanding => {
      const request = world.schedule.pick(outstanding)
      if (request.kind === 'confirm') {
        return { kind: 'confirmed', id: request.id, granted: world.grants(request.step) }
      }
      const outcome: Outcome = world.outcome(request)
      return { kind: 'performed', id: request.id, outcome }
    },
  })
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
