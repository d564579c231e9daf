import { resolve } from 'node:path'
import { systemClock, systemRandom } from '../base/clock.ts'
import { type BkpError, exitCodes } from '../base/errors.ts'
import type { State } from '../engine/state.ts'
import type { EngineEvent, EventSink, Recap } from '../events/events.ts'
import { createTeller, type Teller } from '../execute/driver.ts'
import { type Journal, openJournal } from '../execute/journal.ts'
import { failureOf } from '../execute/outcome.ts'
import {
  apply,
  type ExecuteOptions,
  hasConfirmation,
  type PlanResult,
  plan,
} from '../execute/run.ts'
import { newRunId } from '../execute/run-id.ts'
import { openStateDirectory, stateDirectoryPath } from '../execute/state-directory.ts'
import { inHostOrder } from '../report/in-order.ts'
import { collectPlan, type PlanDocument } from '../report/plan-document.ts'
import { fanOut } from '../report/sink.ts'
import type { CommandContext } from './command.ts'
import { type OpenEnvironment, openEnvironment } from './compose.ts'
import { createConfirmer } from './confirm.ts'
import { type Failpoints, readFailpoints } from './failpoints.ts'
import { type LoadedRunbook, loadRunbook } from './load.ts'
import type { RunbookFlags } from './runbook-flags.ts'

/** A loaded runbook with its environment, ready to be planned or applied. */
export interface Session {
  readonly loaded: LoadedRunbook
  readonly options: Omit<ExecuteOptions, 'tell'>
  readonly open: OpenEnvironment
  readonly failpoints: Failpoints | undefined
}

/** Loads everything and opens the environment; faults come before any host is touched. */
export async function openSession(
  playbook: string,
  flags: RunbookFlags,
  context: CommandContext,
): Promise<Session> {
  const failpoints = readFailpoints(context.terminal.environment('BKP_FAILPOINT'))
  const loaded = await loadRunbook(playbook, flags, context)
  const open = openEnvironment(loaded, context, failpoints)
  const { run } = open.environment
  const options: Omit<ExecuteOptions, 'tell'> = {
    environment: open.environment,
    clock: systemClock,
    forks: flags.forks,
    inventorySources: flags.inventory ?? [],
    program: {
      playbook: loaded.playbook,
      inventory: loaded.inventory,
      extraVars: loaded.extraVars,
      exposed: loaded.exposed,
      run: { id: run.id, started: run.startedAt.toISOString() },
      playbookDirectory: loaded.playbookDirectory,
      match: loaded.match,
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    },
  }
  return { loaded, options, open, failpoints }
}

export interface Planned extends PlanResult {
  readonly document: PlanDocument
}

/** Plans into the sink and collects the plan's document. */
export async function planInto(session: Session, sink: EventSink): Promise<Planned> {
  const collector = collectPlan()
  const tell = tellerOf(session, inHostOrder(fanOut([collector.sink, sink], reportTrouble)))
  const result = await plan({ ...session.options, tell })
  tell({ event: 'plan.finished' })
  return { ...result, document: collector.document() }
}

export interface ApplyFlags {
  /** `--confirm`, or `--confirm=WORD`. */
  readonly confirm?: string | true
  readonly stateDir?: string
}

/**
 * Applies the runbook, its journal on disk. Where a confirmation can be reached, all of it is planned
 * into `planSink` first, and asked before any write.
 */
export async function applyInto(
  session: Session,
  flags: ApplyFlags,
  context: CommandContext,
  sinks: {
    readonly plan: EventSink
    readonly planned: (planned: Planned) => void
    readonly apply: EventSink
  },
): Promise<number> {
  const { terminal, redactor } = context
  const confirmer = createConfirmer(flags.confirm, terminal, redactor.redact)
  if (hasConfirmation(session.loaded.playbook)) {
    const planned = await planInto(session, sinks.plan)
    sinks.planned(planned)
    if (planned.state.exitCode !== exitCodes.done) {
      finish(tellerOf(session, sinks.apply), planned.state.exitCode, recapOf(planned.state))
      return planned.state.exitCode
    }
    for (const question of planned.questions) {
      if (await confirmer.settle(question)) continue
      throw confirmer.refusal(question)
    }
  }
  const journal = await journalOf(session, flags, context)
  const tell = tellerOf(session, fanOut([journal.append, sinks.apply], reportTrouble))
  let cancel: (level: 1 | 2) => void = () => {}
  let interrupts = 0
  const stopListening = terminal.onInterrupt(() => {
    interrupts += 1
    // The journal knows what is owed.
    if (interrupts > 2) process.exit(exitCodes.interrupted)
    cancel(interrupts === 1 ? 1 : 2)
  })
  try {
    const state = await apply({
      ...session.options,
      tell,
      confirm: confirmer.settle,
      synced: journal.synced,
      onCancel: callback => {
        cancel = callback
      },
    })
    finish(tell, state.exitCode, recapOf(state))
    return state.exitCode
  } finally {
    stopListening()
    await journal.close()
  }
}

async function journalOf(
  session: Session,
  flags: ApplyFlags,
  { terminal, redactor }: CommandContext,
): Promise<Journal> {
  const path = resolve(terminal.directory, stateDirectoryPath(flags.stateDir, terminal.environment))
  const { failpoints, open } = session
  return await openJournal({
    stateDirectory: await openStateDirectory(path),
    run: open.environment.run.id,
    documents: open.environment.run.documents,
    redact: redactor.redact,
    ...(failpoints === undefined ? {} : { onSynced: failpoints.onJournal }),
  })
}

/** One numbering for plan and apply would say that they are one run: each numbers its own. */
function tellerOf(session: Session, sink: EventSink): Teller {
  return createTeller({ run: session.open.environment.run.id, clock: systemClock, sink })
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

/** The last event of every run. */
function finish(
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

function recapOf(state: State): Readonly<Record<string, Recap>> {
  return state.recap
}

/** A renderer that throws is a fault of ours, but no reason to stop a restore half way. */
function reportTrouble(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
