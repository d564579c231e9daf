import { systemClock, systemRandom } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import { countedRecap } from '../engine/play.ts'
import { createProgram } from '../engine/program.ts'
import type { State } from '../engine/state.ts'
import type { EngineEvent, EventSink, Recap } from '../events/events.ts'
import { failureOf } from '../events/failure.ts'
import { createTeller, type Teller } from '../execute/driver.ts'
import { collectPlan, type PlanDocument } from '../execute/plan-document.ts'
import {
  type ExecuteOptions,
  type Invocation,
  type PlanOptions,
  type PlanResult,
  plan,
} from '../execute/run.ts'
import { newRunId } from '../execute/run-id.ts'
import { inHostOrder } from '../report/in-order.ts'
import { fanOut } from '../report/sink.ts'
import type { FileAccess } from '../runbook/file-access.ts'
import { chooseRunbook } from './chosen.ts'
import type { CommandContext } from './command.ts'
import { type OpenEnvironment, openEnvironment } from './compose.ts'
import { type Failpoints, readFailpoints } from './failpoints.ts'
import type { Interruptions } from './interruption.ts'
import { type LoadedRunbook, loadRunbook } from './load.ts'
import type { Prompted } from './prompts.ts'
import type { RunbookFlags } from './runbook-flags.ts'

/** A loaded runbook with its environment, ready to be planned or applied. */
export interface Session {
  readonly loaded: LoadedRunbook
  readonly options: Omit<ExecuteOptions, 'tell'>
  /** What the command line said besides, journaled for a later resume. */
  readonly invocation: Invocation
  readonly open: OpenEnvironment
  readonly failpoints: Failpoints | undefined
  readonly interruptions: Interruptions
}

/** What a session takes over from a run that is gone on with. */
export interface SessionOrigin {
  readonly files: FileAccess
  readonly run: { readonly id: string; readonly startedAt: Date }
  /** What it was told when it asked for variables. */
  readonly prompted?: Prompted
}

/** Loads everything and opens the environment; faults come before any host is touched. */
export async function openSession(
  playbook: string,
  flags: RunbookFlags,
  context: CommandContext,
  origin?: SessionOrigin,
): Promise<Session> {
  const failpoints = readFailpoints(context.terminal.environment('BKP_FAILPOINT'))
  const read = await loadRunbook(playbook, flags, context, origin?.files)
  const { loaded, program, invocation } = await chooseRunbook(read, flags, context, {
    asks: true,
    ...(origin?.prompted === undefined ? {} : { prompted: origin.prompted }),
  })
  const open = openEnvironment(loaded, context, {
    failpoints,
    run: origin?.run,
    diff: flags.diff ?? false,
  })
  const { run } = open.environment
  const options: Omit<ExecuteOptions, 'tell'> = {
    environment: open.environment,
    clock: systemClock,
    forks: flags.forks,
    inventorySources: flags.inventory ?? [],
    program: {
      ...program,
      run: { id: run.id, started: run.startedAt.toISOString() },
    },
  }
  // Patterns and limits that match nothing are told before anything is opened or written.
  createProgram({ ...options.program, mode: 'plan' })
  const { interruptions } = context
  return { loaded, options, invocation, open, failpoints, interruptions }
}

export interface Planned extends PlanResult {
  readonly document: PlanDocument
}

/** Plans into the sink and collects the plan's document. */
export async function planInto(
  session: Session,
  sink: EventSink,
  how: Pick<PlanOptions, 'dryRun'> = {},
): Promise<Planned> {
  const collector = collectPlan()
  const tell = tellerOf(session, inHostOrder(fanOut([collector.sink, sink], reportTrouble)))
  const interruption = session.interruptions.attend()
  try {
    const result = await plan({ ...session.options, ...how, tell, onCancel: interruption.connect })
    tell({ event: 'plan.finished' })
    return { ...result, document: collector.document() }
  } finally {
    interruption.stop()
  }
}

/** One numbering for plan and apply would say that they are one run: each numbers its own. */
export function tellerOf(session: Session, sink: EventSink, after = 0): Teller {
  return createTeller({ run: session.open.environment.run.id, clock: systemClock, sink, after })
}

/** Ends the stream of a run that applied nothing: a plan, or one that was refused. */
export function finishUnapplied(
  session: Session | undefined,
  sink: EventSink,
  end: { readonly exitCode: number; readonly state?: State; readonly error?: BkpError },
): void {
  const run = session?.open.environment.run.id ?? newRunId(systemClock.now(), systemRandom)
  const tell = createTeller({ run, clock: systemClock, sink })
  finish(tell, end.exitCode, end.state === undefined ? {} : recapOf(end.state), end.error)
}

/** What the run still owes, on which hosts, and how to settle it. */
export function owedError(session: Session, state: State): BkpError | undefined {
  if (state.unsettled.length === 0) return undefined
  const lines = state.unsettled.map(
    owed => `${owed.kind} of ${owed.task} on ${owed.hosts.join(', ')}`,
  )
  return new BkpError('run.owed', `still owed: ${lines.join('; ')}`, {
    hint: `bkp abort ${session.open.environment.run.id} tries again`,
  })
}

/** The last event of every run. */
export function finish(
  tell: Teller,
  exitCode: number,
  recap: Readonly<Record<string, Recap>>,
  error?: BkpError,
): void {
  const finished: EngineEvent = {
    event: 'run.finished',
    exit_code: exitCode,
    recap,
    ...(error === undefined ? {} : { failure: failureOf(error) }),
  }
  tell(finished)
}

export function recapOf(state: State): Readonly<Record<string, Recap>> {
  return countedRecap(state)
}

/** A renderer that throws is a fault of ours, but no reason to stop a restore half way. */
export function reportTrouble(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
