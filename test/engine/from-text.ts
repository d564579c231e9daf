import { advance } from '../../src/engine/advance.ts'
import { createProgram, type Program, type Settings } from '../../src/engine/program.ts'
import type { Input, Outcome, Request } from '../../src/engine/protocol.ts'
import { initialState, type State } from '../../src/engine/state.ts'
import type { EngineEvent } from '../../src/events/events.ts'
import { matchHosts } from '../../src/runbook/inventory/patterns.ts'
import { inventoryOf } from '../runbook/support/inventory.ts'
import { read } from '../runbook/support/playbook.ts'

type Perform = Extract<Request, { kind: 'perform' }>

/** A playbook as people write it, and how its steps end. */
export interface Written {
  readonly playbook: string
  /** Files beside it, by their path below its folder. */
  readonly files?: Readonly<Record<string, string>>
  readonly hosts?: readonly string[]
  readonly settings?: Partial<Settings>
  /** Applied where it is not said. */
  readonly mode?: Program['mode']
  /** How a step ends where that is not "changed"; `tries` counts the requests for it so far. */
  readonly answer?: (step: Step) => Partial<Outcome> | undefined
}

export interface Step {
  readonly host: string
  readonly name: string
  /** Its label, in a loop. */
  readonly item: string | undefined
  readonly tries: number
  readonly request: Perform
}

export interface Told {
  /** `host name item`, in the order asked for. */
  readonly steps: readonly string[]
  readonly events: readonly EngineEvent[]
  readonly state: State
  readonly exitCode: number | null
}

const failure = { code: 'step.failed', message: 'it failed' }

/** An answer by the step: `fails('b t1')`. */
export const fails =
  (...steps: readonly string[]): NonNullable<Written['answer']> =>
  ({ host, name, item }) =>
    steps.includes(wordsOf(host, name, item)) ? { status: 'failed', failure } : undefined

export function wordsOf(host: string, name: string, item: string | undefined): string {
  return [host, name, ...(item === undefined ? [] : [item])].join(' ')
}

/** The program of a playbook's text. */
export function programFrom({
  playbook,
  files = {},
  hosts = ['a', 'b', 'c'],
  settings,
  mode = 'apply',
}: Written) {
  const beside = Object.entries(files).map(([path, text]) => [`/play/${path}`, text])
  const rows = hosts.map(host => `    ${host}:\n`).join('')
  const inventory = inventoryOf(`all:\n  hosts:\n${rows}`)
  return createProgram({
    playbook: read(playbook, Object.fromEntries(beside) as Record<string, string>).playbook,
    inventory,
    extraVars: new Map(),
    exposed: {},
    run: { id: 'run', started: '2026-01-01T00:00:00Z' },
    mode,
    playbookDirectory: '/play',
    match: pattern => matchHosts(inventory, pattern).hosts,
    ...(settings === undefined ? {} : { settings }),
  })
}

/** Runs it to its end by answering the interpreter in the order that it asks. */
export function tell(written: Written): Told {
  const program: Program = programFrom(written)
  const steps: string[] = []
  const events: EngineEvent[] = []
  const tries = new Map<string, number>()
  const queue: Input[] = [{ kind: 'start' }]
  let state = initialState()
  for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
    const next = advance(program, state, input)
    state = next.state
    events.push(...next.events)
    for (const request of next.requests) queue.push(reply(request))
  }
  return { steps, events, state, exitCode: state.exitCode }

  function reply(request: Request): Input {
    if (request.kind === 'confirm') return { kind: 'confirmed', id: request.id, granted: true }
    const { host, name, item } = request.ref
    const words = wordsOf(host, name, item?.label)
    const count = (tries.get(words) ?? 0) + 1
    tries.set(words, count)
    steps.push(words)
    const answer = written.answer?.({ host, name, item: item?.label, tries: count, request })
    return {
      kind: 'performed',
      id: request.id,
      outcome: { status: 'changed', result: {}, ...answer },
    }
  }
}
