import type { Clock } from '../base/clock.ts'
import { createProgram, type Program, type ProgramOptions } from '../engine/program.ts'
import type { State } from '../engine/state.ts'
import type { EngineEvent } from '../events/events.ts'
import type { Playbook, Step } from '../runbook/contract.ts'
import { createApplier } from './apply.ts'
import { type ConfirmRequest, drive, type Teller } from './driver.ts'
import type { Environment } from './environment.ts'
import { createPlanner } from './plan.ts'

export interface ExecuteOptions {
  readonly program: Omit<ProgramOptions, 'mode'>
  readonly environment: Environment
  readonly tell: Teller
  readonly clock: Clock
  readonly forks: number
  readonly inventorySources: readonly string[]
  readonly onCancel?: (cancel: (level: 1 | 2) => void) => void
}

export interface PlanResult {
  readonly state: State
  /** What applying would ask before it writes anything. */
  readonly questions: readonly ConfirmRequest[]
}

/** Walks the runbook with read-only hosts; every step is answered with what its module predicts. */
export async function plan(options: ExecuteOptions): Promise<PlanResult> {
  const planner = createPlanner(options.environment)
  const program = createProgram({ ...options.program, mode: 'plan' })
  const state = await drive({ ...driverOptions(options, program), performer: planner })
  return { state, questions: planner.questions }
}

/** Does what the runbook says. */
export async function apply(
  options: ExecuteOptions & {
    readonly confirm: (request: ConfirmRequest) => Promise<boolean>
    readonly synced: () => Promise<void>
  },
): Promise<State> {
  const { environment, confirm, synced } = options
  const program = createProgram({ ...options.program, mode: 'apply' })
  const performer = createApplier({ environment, confirm, synced })
  return await drive({ ...driverOptions(options, program), performer })
}

function driverOptions(
  options: ExecuteOptions,
  program: Program,
): Omit<Parameters<typeof drive>[0], 'performer'> {
  const started: Extract<EngineEvent, { event: 'run.started' }> = {
    event: 'run.started',
    version: 1,
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
  const inStep = (step: Step): boolean =>
    step.kind === 'task'
      ? step.confirm !== undefined
      : [...step.block, ...step.rescue, ...step.always].some(inStep)
  return playbook.plays.some(play => play.confirm !== undefined || play.tasks.some(inStep))
}
