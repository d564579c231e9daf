import type { Clock } from '../base/clock.ts'
import { quietIo } from '../base/io.ts'
import { createProgram, ownerOf, type Program, type ProgramOptions } from '../engine/program.ts'
import type { State } from '../engine/state.ts'
import { type EngineEvent, eventVersion, type RunEvent } from '../events/events.ts'
import { failureOf } from '../events/failure.ts'
import { expressionsOf, expressionsOfTask, tasksOfPlay } from '../runbook/check/uses.ts'
import type { Playbook, Task } from '../runbook/contract.ts'
import { createApplier, type Guard } from './apply.ts'
import { createDryRunner } from './check-mode.ts'
import { takeStock } from './deadline/stock.ts'
import { createWatchdogs } from './deadline/watchdogs.ts'
import {
  type ConfirmRequest,
  type DriverOptions,
  drive,
  type Performer,
  type Teller,
} from './driver.ts'
import type { Environment } from './environment.ts'
import { inheritanceOf } from './owed.ts'
import { createPlanner } from './plan.ts'
import { dependentsOf, type Recording, readRecording } from './recording.ts'
import { recoverStep } from './recover.ts'
import { createReplayer } from './replay.ts'
import type { Undoing } from './undo.ts'

export interface ExecuteOptions {
  readonly program: Omit<ProgramOptions, 'mode'>
  readonly environment: Environment
  readonly tell: Teller
  readonly clock: Clock
  readonly forks: number
  readonly inventorySources: readonly string[]
  readonly onCancel?: (cancel: (level: 1 | 2) => void) => void
}

type RunStarted = Extract<EngineEvent, { event: 'run.started' }>

export interface PlanResult {
  readonly state: State
  /** What applying would ask before it writes anything. */
  readonly questions: readonly ConfirmRequest[]
}

export interface PlanOptions extends ExecuteOptions {
  /** It is a dry run, in which steps with `check_mode: false` are done all the same. */
  readonly dryRun?: boolean
}

/** Walks the runbook with read-only hosts; every step is answered with what its module predicts. */
export async function plan(options: PlanOptions): Promise<PlanResult> {
  const { environment } = options
  const planner = createPlanner(environment)
  // Nothing is done yet that a person could keep from being done.
  const settings = { ...options.program.settings, step: false }
  const program = createProgram({ ...options.program, mode: 'plan', settings })
  const applier = createApplier({ environment, confirm: planner.confirm, synced: async () => {} })
  const performer = options.dryRun ? createDryRunner(planner, applier) : planner
  const state = await drive({ ...driverOptions(options, program), performer })
  return { state, questions: planner.questions }
}

export interface ApplyOptions extends ExecuteOptions {
  readonly confirm: Performer['confirm']
  readonly synced: () => Promise<void>
  /** What the command line said besides, journaled for a later resume. */
  readonly invocation: Invocation
  /** Holds each step to an approved plan. */
  readonly guard?: Guard
  /** The run goes on, or is settled, from what its journal says. */
  readonly replay?: { readonly events: readonly RunEvent[]; readonly how: 'resume' | 'abort' }
}

/** What a resumed run needs of the command line it was started with. */
export type Invocation = Pick<
  RunStarted,
  | 'limit'
  | 'extra_vars'
  | 'tags'
  | 'skip_tags'
  | 'start_at_task'
  | 'force_handlers'
  | 'stepwise'
  | 'diff'
  | 'prompted'
  | 'plan'
> & { readonly directory: string; readonly forks: number }

/** Does what the runbook says; with a replay, only what an earlier attempt has not done. */
export async function apply(options: ApplyOptions): Promise<State> {
  const { environment, confirm, synced, replay, guard } = options
  const program = createProgram({ ...options.program, mode: 'apply' })
  const watchdogs = createWatchdogs(environment)
  const applier = createApplier({
    environment,
    confirm,
    synced,
    watchdogs,
    ...(guard === undefined ? {} : { guard }),
  })
  const driver = driverOptions(options, program)
  try {
    if (replay === undefined) {
      const started = { ...driver.started, ...options.invocation }
      return await drive({ ...driver, started, performer: applier })
    }
    const settled = await takeStock(program, replay.events, watchdogs, quietIo)
    for (const event of settled) options.tell(event)
    const events = [...replay.events, ...settled.map(event => stamped(event, replay.events))]
    return await goOn({ options, program, driver, applier, replay: { ...replay, events } })
  } finally {
    await watchdogs.stop()
    await endLost(options)
  }
}

/** The end of a run is the last chance to end commands whose connections broke. */
async function endLost({ environment, tell }: ExecuteOptions): Promise<void> {
  for (const error of (await environment.endLost?.()) ?? []) {
    const { message } = error
    tell({ event: 'notice', level: 'warning', message, failure: failureOf(error) })
  }
}

async function goOn({ options, program, driver, applier, replay }: GoingOn): Promise<State> {
  const { environment } = options
  let cancel: (level: 1 | 2) => void = () => {}
  const performer = createReplayer({
    recording: recordingOf(program, replay.events, replay.how),
    performer: applier,
    recover: (request, left, io) => recoverStep(environment, request, left, io),
    how: replay.how,
    cancel: () => cancel(1),
  })
  return await drive({
    ...driver,
    started: { event: 'run.resumed', how: replay.how },
    performer,
    inherited: inheritanceOf(program, replay.events),
    onCancel: callback => {
      cancel = callback
      options.onCancel?.(callback)
    },
  })
}

/** An event that is only now being journaled, as one of those there are. */
function stamped(event: EngineEvent, events: readonly RunEvent[]): RunEvent {
  const { seq = 0, time = '', run = '' } = events.at(-1) ?? {}
  return { seq, time, run, ...event } as RunEvent
}

interface GoingOn {
  readonly options: ApplyOptions
  readonly program: Program
  readonly driver: Omit<DriverOptions, 'performer'>
  readonly applier: Performer
  readonly replay: NonNullable<ApplyOptions['replay']>
}

/** Runs the rollbacks of a finished run. */
export async function undo(
  options: Omit<ApplyOptions, 'replay' | 'invocation'>,
  undoing: Undoing,
): Promise<State> {
  const { environment, confirm, synced } = options
  try {
    return await drive({
      ...driverOptions(options, undoing.program),
      started: { event: 'run.resumed', how: 'undo' },
      initial: undoing.state,
      performer: createApplier({ environment, confirm, synced }),
    })
  } finally {
    await endLost(options)
  }
}

/** What the journal says of a program's steps. */
export function recordingOf(
  program: Pick<Program, 'tasks' | 'blocks'>,
  events: readonly RunEvent[],
  how: 'resume' | 'abort' = 'resume',
): Recording {
  const dependents = dependentsOf([...program.tasks.values()], namesIn)
  // An aborted run asks no step again, whatever became of what it held.
  return readRecording(events, dependents, {
    keepSettled: step => how === 'abort' && !step.includes('/always/'),
    ownerOf: step => ownerOf(program, step),
  })
}

/** Names of variables that a task uses, those that its own variables use included. */
function namesIn(task: Task): ReadonlySet<string> {
  const expressions = [
    ...expressionsOfTask(task),
    ...task.vars.flatMap(layer =>
      [...layer.values()].flatMap(binding =>
        'tree' in binding ? expressionsOf(binding.tree) : [],
      ),
    ),
  ]
  return new Set(expressions.flatMap(expression => wordsOf(expression.source)))
}

/** Words rather than roots: roots leave out names that `default` and `defined` ask for. */
function wordsOf(source: string): readonly string[] {
  return source.match(/[A-Za-z_]\w*/g) ?? []
}

function driverOptions(
  options: ExecuteOptions,
  program: Program,
): Omit<DriverOptions, 'performer' | 'started'> & { readonly started: RunStarted } {
  const started: RunStarted = {
    event: 'run.started',
    version: eventVersion,
    mode: program.mode,
    playbook: program.playbook.path,
    inventory: options.inventorySources,
    tool: options.environment.run.toolVersion,
  }
  return {
    program,
    started,
    tell: options.tell,
    clock: options.clock,
    forks: options.forks,
    ...(options.onCancel === undefined ? {} : { onCancel: options.onCancel }),
  }
}

/** True when a confirmation stands anywhere in the playbook: then all of it is planned first. */
export function hasConfirmation(playbook: Playbook): boolean {
  return playbook.plays.some(
    play =>
      play.confirm !== undefined || tasksOfPlay(play).some(({ confirm }) => confirm !== undefined),
  )
}
