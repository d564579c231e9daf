import { advance } from '../../src/engine/advance.ts'
import { createProgram, type Program } from '../../src/engine/program.ts'
import type { Input, Outcome, Request } from '../../src/engine/protocol.ts'
import { initialState, type State } from '../../src/engine/state.ts'
import type { EngineEvent } from '../../src/events/events.ts'
import { compileExpression } from '../../src/expression/compile.ts'
import type { Tree } from '../../src/expression/contract.ts'
import { literal } from '../../src/expression/scope.ts'
import { compileTree } from '../../src/expression/tree.ts'
import type {
  Block,
  Condition,
  Inventory,
  Play,
  Playbook,
  Step,
  Task,
} from '../../src/runbook/contract.ts'

/** A task in short form: keywords as a playbook has them. */
export interface TaskText {
  readonly name: string
  readonly args?: unknown
  readonly when?: readonly (string | boolean)[]
  readonly loop?: unknown
  readonly register?: string
  readonly failedWhen?: readonly string[]
  readonly changedWhen?: readonly (string | boolean)[]
  readonly ignoreErrors?: boolean
  readonly runOnce?: boolean
  readonly cluster?: boolean
  readonly anyErrorsFatal?: boolean
  readonly vars?: Readonly<Record<string, unknown>>
  readonly confirm?: { readonly question: string; readonly type?: string }
  readonly timeoutMs?: number
  readonly deadlineMs?: number
  readonly rollback?: TaskText
  readonly release?: TaskText
}

export interface BlockText {
  readonly block: readonly StepText[]
  readonly rescue?: readonly StepText[]
  readonly always?: readonly StepText[]
}

export type StepText = TaskText | BlockText

const place = { file: 'test.yml', line: 1, column: 1 }

const tree = (value: unknown): Tree => compileTree(value, () => undefined)
const condition = (text: string | boolean): Condition =>
  typeof text === 'boolean' ? text : compileExpression(text)

function step(text: StepText, id: string): Step {
  if ('block' in text) {
    const children = (list: readonly StepText[] | undefined, part: string): Step[] =>
      (list ?? []).map((child, index) => step(child, `${id}/${part}/${index}`))
    return {
      kind: 'block',
      id,
      place,
      name: undefined,
      block: children(text.block, 'block'),
      rescue: children(text.rescue, 'rescue'),
      always: children(text.always, 'always'),
      anyErrorsFatal: false,
    } satisfies Block
  }
  return {
    kind: 'task',
    id,
    place,
    name: tree(text.name),
    module: 'probe',
    scope: text.cluster ? 'cluster' : 'host',
    args: tree(text.args ?? {}),
    when: (text.when ?? []).map(condition),
    loop: text.loop === undefined ? undefined : tree(text.loop),
    loopControl: { loopVar: 'item' },
    register: text.register,
    failedWhen: text.failedWhen?.map(condition),
    changedWhen: text.changedWhen?.map(condition),
    ignoreErrors: text.ignoreErrors ?? false,
    runOnce: text.runOnce ?? false,
    anyErrorsFatal: text.anyErrorsFatal ?? false,
    noLog: false,
    vars: [
      new Map(
        Object.entries(text.vars ?? {}).map(([name, value]) => [name, { tree: tree(value) }]),
      ),
    ],
    confirm:
      text.confirm === undefined
        ? undefined
        : {
            question: tree(text.confirm.question),
            ...(text.confirm.type === undefined ? {} : { type: tree(text.confirm.type) }),
          },
    rollback:
      text.rollback === undefined ? undefined : (step(text.rollback, `${id}/rollback`) as Task),
    release: text.release === undefined ? undefined : (step(text.release, `${id}/release`) as Task),
    timeoutMs: text.timeoutMs,
    deadlineMs: text.deadlineMs,
    tags: [],
  } satisfies Task
}

export interface Scenario {
  readonly hosts?: readonly string[]
  readonly plays: readonly (readonly StepText[])[]
  readonly mode?: 'plan' | 'apply'
  /** How a step goes; without an answer it is changed. */
  readonly answer?: (host: string, name: string, args: unknown) => Partial<Outcome> | undefined
  readonly confirm?: boolean
  /** Cancels before the n-th request is answered. */
  readonly cancelAt?: number
  readonly cancelLevel?: 1 | 2
}

export interface Trace {
  readonly state: State
  /** `host name` of every performed step, in order. */
  readonly steps: readonly string[]
  readonly args: readonly unknown[]
  readonly events: readonly EngineEvent[]
  readonly recap: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly inputs: readonly Input[]
}

export function programOf({ hosts = ['a', 'b', 'c'], plays, mode = 'apply' }: Scenario): Program {
  const inventory: Inventory = {
    hosts: new Map(
      hosts.map(name => [
        name,
        { name, groups: ['web'], variables: [new Map([['from', literal(`inventory-${name}`)]])] },
      ]),
    ),
    groups: new Map([
      ['all', hosts],
      ['web', hosts],
    ]),
    clusters: new Map(),
    storages: new Map(),
    documents: [],
    warnings: [],
  }
  const playbook: Playbook = {
    path: 'test.yml',
    documents: [],
    plays: plays.map(
      (tasks, index): Play => ({
        id: `/${index}`,
        place,
        name: undefined,
        hosts: 'all',
        vars: new Map([['from_play', { tree: tree('play {{ inventory_hostname }}') }]]),
        tasks: tasks.map((text, task) => step(text, `/${index}/tasks/${task}`)),
        confirm: undefined,
        lock: undefined,
        timeoutMs: undefined,
        anyErrorsFatal: false,
      }),
    ),
  }
  return createProgram({
    playbook,
    inventory,
    extraVars: new Map(),
    exposed: {},
    run: { id: 'run', started: '2026-01-01T00:00:00Z' },
    mode,
    playbookDirectory: '/tmp',
    match: () => hosts,
  })
}

/** Runs a scenario by answering the interpreter: no host, no clock, no file. */
export function simulate(scenario: Scenario): Trace {
  const program = programOf(scenario)
  const steps: string[] = []
  const args: unknown[] = []
  const events: EngineEvent[] = []
  const inputs: Input[] = []
  let state = initialState()
  const queue: Input[] = [{ kind: 'start' }]
  let answered = 0
  for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
    inputs.push(input)
    const next = advance(program, state, input)
    state = next.state
    events.push(...next.events)
    for (const request of next.requests) {
      answered += 1
      if (scenario.cancelAt === answered) {
        queue.push({ kind: 'cancel', level: scenario.cancelLevel ?? 1 })
      }
      queue.push(reply(request))
    }
  }
  const finished = events.find(event => event.event === 'run.finished')
  const recap = finished?.event === 'run.finished' ? finished.recap : {}
  const nonZero = Object.fromEntries(
    Object.entries(recap).map(([host, row]) => [
      host,
      Object.fromEntries(Object.entries(row).filter(([, count]) => count > 0)),
    ]),
  )
  return { state, steps, args, events, recap: nonZero, inputs }

  function reply(request: Request): Input {
    if (request.kind === 'confirm') {
      return { kind: 'confirmed', id: request.id, granted: scenario.confirm ?? true }
    }
    const { host, name, item } = request.ref
    steps.push(`${host} ${name}${item === undefined ? '' : ` ${item.label}`}`)
    args.push(request.args)
    const answer = scenario.answer?.(host, name, request.args) ?? {}
    return {
      kind: 'performed',
      id: request.id,
      outcome: { status: 'changed', result: {}, ...answer },
    }
  }
}

/** Fails the step of that name on that host. */
export function failing(
  host: string,
  name: string,
  status: 'failed' | 'unreachable' = 'failed',
): NonNullable<Scenario['answer']> {
  return (atHost, atName) =>
    atHost === host && atName === name
      ? { status, failure: { code: 'step.failed', message: 'it failed' } }
      : undefined
}
