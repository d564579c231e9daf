import { resolve } from 'node:path'
import { exitCodes } from '../base/errors.ts'
import type { State } from '../engine/state.ts'
import type { EventSink, RunEvent } from '../events/events.ts'
import type { ConfirmRequest } from '../execute/driver.ts'
import {
  type Journal,
  type JournalOptions,
  openJournal,
  reopenJournal,
} from '../execute/journal.ts'
import type { PlanDocument } from '../execute/plan-document.ts'
import { createGuard, requireApproved } from '../execute/plan-file/approval.ts'
import { type ApplyOptions, apply, hasConfirmation, undo } from '../execute/run.ts'
import { openStateDirectory, stateDirectoryPath } from '../execute/state-directory.ts'
import { undoing } from '../execute/undo.ts'
import { fanOut } from '../report/sink.ts'
import type { CommandContext } from './command.ts'
import { type Confirmer, createConfirmer } from './confirm.ts'
import { type Hold, holdRun } from './hold.ts'
import type { Interruption } from './interruption.ts'
import {
  finish,
  owedError,
  type Planned,
  planInto,
  recapOf,
  reportTrouble,
  type Session,
  tellerOf,
} from './session.ts'

export interface ApplyFlags {
  /** `--confirm`, or `--confirm=WORD`. */
  readonly confirm?: string | true
  readonly stateDir?: string
}

/** Where an applying run is told. */
export interface ApplySinks {
  readonly plan: EventSink
  readonly planned: (planned: Planned) => void
  readonly apply: EventSink
}

/**
 * Applies the runbook, its journal on disk. Where a confirmation can be reached, or a plan was approved,
 * all of it is planned first, compared, and asked before any write.
 * @throws run.not_confirmed, run.plan_stale
 */
export async function applyRunbook(
  session: Session,
  flags: ApplyFlags,
  context: CommandContext,
  sinks: ApplySinks,
  approved?: PlanDocument,
): Promise<number> {
  const confirmer = createConfirmer(flags.confirm, context.terminal, context.redactor.redact)
  if (approved !== undefined || hasConfirmation(session.loaded.playbook)) {
    const planned = await planInto(session, sinks.plan)
    sinks.planned(planned)
    if (planned.state.exitCode !== exitCodes.done) {
      finish(tellerOf(session, sinks.apply), planned.state.exitCode, recapOf(planned.state))
      return planned.state.exitCode
    }
    if (approved !== undefined) requireApproved(approved, planned.document)
    for (const question of planned.questions) await askFirst(confirmer, question, context)
  }
  const plan = approved === undefined ? {} : { plan: approved.digest }
  const invocation = { ...session.invocation, ...plan }
  const guard = approved === undefined ? {} : { guard: createGuard(approved) }
  const execute: Execute = options => apply({ ...options, invocation, ...guard })
  const application = { open: openJournal, confirmer, flags, sink: sinks.apply, execute }
  return await applyHolding(session, { ...application, history: [] }, context)
}

/** Goes on with a run, or settles it, from its journal. */
export async function replayRunbook(
  session: Session,
  replay: { readonly events: readonly RunEvent[]; readonly how: 'resume' | 'abort' },
  flags: ApplyFlags,
  context: CommandContext,
  sink: EventSink,
): Promise<number> {
  const confirmer = createConfirmer(flags.confirm, context.terminal, context.redactor.redact)
  const { invocation } = session
  const execute: Execute = options => apply({ ...options, invocation, replay })
  const history = replay.events
  const aborting = replay.how === 'abort'
  const application = { open: reopenJournal, confirmer, flags, sink, execute, history, aborting }
  return await applyHolding(session, application, context)
}

/** Puts back what a finished run did, where its steps have rollbacks. @throws run.not_confirmed */
export async function undoRunbook(
  session: Session,
  events: readonly RunEvent[],
  flags: ApplyFlags,
  context: CommandContext,
  sink: EventSink,
): Promise<number> {
  const confirmer = createConfirmer(flags.confirm, context.terminal, context.redactor.redact)
  const plan = undoing(session.options.program, events)
  const { id } = session.open.environment.run
  const question = {
    kind: 'confirm',
    id: 0,
    step: '/undo',
    question: `Undo run ${id}: ${plan.steps.join('; ')}?`,
  } as const
  await askFirst(confirmer, question, context)
  const execute: Execute = options => undo(options, plan)
  const application = { open: reopenJournal, confirmer, flags, sink, execute, history: events }
  return await applyHolding(session, application, context)
}

/** A question before anything is written. @throws run.not_confirmed, step.cancelled */
async function askFirst(
  confirmer: Confirmer,
  question: ConfirmRequest,
  { interruptions }: CommandContext,
): Promise<void> {
  const interruption = interruptions.attend()
  try {
    const granted = await confirmer.settle(question, interruption.signal)
    interruption.throwIfInterrupted()
    if (!granted) throw confirmer.refusal(question)
  } finally {
    interruption.stop()
  }
}

/** What is done once the journal is open and signals are listened to. */
type Execute = (options: Omit<ApplyOptions, 'replay' | 'invocation'>) => Promise<State>

interface Application {
  /** Opens the run's journal: a new one, or the one it has. */
  readonly open: (options: JournalOptions) => Promise<Journal>
  readonly confirmer: Confirmer
  readonly flags: Pick<ApplyFlags, 'stateDir'>
  readonly sink: EventSink
  readonly execute: Execute
  /** Events of this run there are already. */
  readonly history: readonly RunEvent[]
  /** Settling is all that was asked for: settled is done. */
  readonly aborting?: boolean
}

/** Takes the run's locks, opens its journal, executes, and lets go of both however it ends. */
async function applyHolding(
  session: Session,
  application: Application,
  context: CommandContext,
): Promise<number> {
  const { history, flags, open } = application
  const stateDirectory = await stateDirectoryOf(flags.stateDir, context)
  const interruption = context.interruptions.attend()
  try {
    const hold = await holdRun(session, { stateDirectory, history }, context)
    try {
      interruption.throwIfInterrupted()
      const journal = await open(journalOptions(session, stateDirectory, hold, context))
      try {
        return await applyJournaled(session, journal, application, interruption)
      } finally {
        await journal.close()
      }
    } finally {
      await hold.release()
    }
  } finally {
    interruption.stop()
  }
}

async function applyJournaled(
  session: Session,
  journal: Journal,
  { confirmer, sink, execute, history, aborting }: Application,
  interruption: Interruption,
): Promise<number> {
  const sinks = fanOut([journal.append, sink], reportTrouble)
  const tell = tellerOf(session, sinks, history.length)
  const state = await execute({
    ...session.options,
    tell,
    confirm: confirmer.settle,
    synced: journal.synced,
    onCancel: interruption.connect,
  })
  const aborted = aborting && state.unsettled.length === 0
  const exitCode = aborted ? exitCodes.done : state.exitCode
  finish(tell, exitCode, recapOf(state), owedError(session, state))
  return exitCode
}

/** The state directory the flags and the environment name, opened. */
export async function stateDirectoryOf(
  flag: string | undefined,
  { terminal }: CommandContext,
): Promise<string> {
  const path = stateDirectoryPath(flag, terminal.environment)
  return await openStateDirectory(resolve(terminal.directory, path))
}

function journalOptions(
  session: Session,
  stateDirectory: string,
  { mirror }: Hold,
  context: CommandContext,
): JournalOptions {
  const { failpoints, open } = session
  return {
    stateDirectory,
    run: open.environment.run.id,
    documents: open.environment.run.documents,
    redact: context.redactor.redact,
    ...(failpoints === undefined ? {} : { onSynced: failpoints.onJournal }),
    ...(mirror === undefined ? {} : { mirror }),
  }
}
