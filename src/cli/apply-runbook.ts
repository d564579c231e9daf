import { resolve } from 'node:path'
import { exitCodes } from '../base/errors.ts'
import type { State } from '../engine/state.ts'
import type { EventSink, RunEvent } from '../events/events.ts'
import {
  type Journal,
  type JournalOptions,
  openJournal,
  reopenJournal,
} from '../execute/journal.ts'
import { type ApplyOptions, apply, hasConfirmation, type Invocation, undo } from '../execute/run.ts'
import { openStateDirectory, stateDirectoryPath } from '../execute/state-directory.ts'
import { undoing } from '../execute/undo.ts'
import { fanOut } from '../report/sink.ts'
import type { CommandContext } from './command.ts'
import { type Confirmer, createConfirmer } from './confirm.ts'
import type { RunbookFlags } from './runbook-flags.ts'
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
 * Applies the runbook, its journal on disk. Where a confirmation can be reached, all of it is planned
 * first, and asked before any write. @throws run.not_confirmed
 */
export async function applyRunbook(
  session: Session,
  flags: ApplyFlags & Pick<RunbookFlags, 'forks' | 'limit' | 'extraVars'>,
  context: CommandContext,
  sinks: ApplySinks,
): Promise<number> {
  const confirmer = createConfirmer(flags.confirm, context.terminal, context.redactor.redact)
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
  const journal = await openJournal(await journalOptions(session, flags.stateDir, context))
  const invocation = invocationOf(flags, context)
  const execute: Execute = options => apply({ ...options, invocation })
  const application = { journal, confirmer, flags, sink: sinks.apply, execute, after: 0 }
  return await applyJournaled(session, application, context)
}

/** Goes on with a run, or settles it, from its journal. */
export async function replayRunbook(
  session: Session,
  replay: { readonly events: readonly RunEvent[]; readonly how: 'resume' | 'abort' },
  flags: ApplyFlags & Pick<RunbookFlags, 'forks' | 'limit' | 'extraVars'>,
  context: CommandContext,
  sink: EventSink,
): Promise<number> {
  const confirmer = createConfirmer(flags.confirm, context.terminal, context.redactor.redact)
  const journal = await reopenJournal(await journalOptions(session, flags.stateDir, context))
  const invocation = invocationOf(flags, context)
  const execute: Execute = options => apply({ ...options, invocation, replay })
  const after = replay.events.length
  const aborting = replay.how === 'abort'
  const application = { journal, confirmer, flags, sink, execute, after, aborting }
  return await applyJournaled(session, application, context)
}

/** Puts back what a finished run did, where its steps have rollbacks. @throws run.not_confirmed */
export async function undoRunbook(
  session: Session,
  events: readonly RunEvent[],
  flags: ApplyFlags & Pick<RunbookFlags, 'forks'>,
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
  if (!(await confirmer.settle(question))) throw confirmer.refusal(question)
  const journal = await reopenJournal(await journalOptions(session, flags.stateDir, context))
  const execute: Execute = options => undo(options, plan)
  const application = { journal, confirmer, flags, sink, execute, after: events.length }
  return await applyJournaled(session, application, context)
}

/** What is done once the journal is open and signals are listened to. */
type Execute = (options: Omit<ApplyOptions, 'replay' | 'invocation'>) => Promise<State>

interface Application {
  readonly journal: Journal
  readonly confirmer: Confirmer
  readonly flags: Pick<RunbookFlags, 'forks'>
  readonly sink: EventSink
  readonly execute: Execute
  /** Events of this run there are already. */
  readonly after: number
  /** Settling is all that was asked for: settled is done. */
  readonly aborting?: boolean
}

/** What the command line said besides playbook and inventory, for a later resume. */
function invocationOf(
  flags: Pick<RunbookFlags, 'forks' | 'limit' | 'extraVars'>,
  { terminal }: CommandContext,
): Invocation {
  return {
    directory: terminal.directory,
    forks: flags.forks,
    ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    ...(flags.extraVars === undefined ? {} : { extra_vars: flags.extraVars }),
  }
}

async function applyJournaled(
  session: Session,
  { journal, confirmer, sink, execute, after, aborting }: Application,
  { terminal }: CommandContext,
): Promise<number> {
  const tell = tellerOf(session, fanOut([journal.append, sink], reportTrouble), after)
  let cancel: (level: 1 | 2) => void = () => {}
  let interrupts = 0
  const interruption = terminal.onInterrupt(() => {
    interrupts += 1
    // The journal knows what is owed.
    if (interrupts > 2) process.exit(exitCodes.interrupted)
    cancel(interrupts === 1 ? 1 : 2)
  })
  try {
    const state = await execute({
      ...session.options,
      tell,
      confirm: confirmer.settle,
      synced: journal.synced,
      onCancel: callback => {
        cancel = callback
      },
    })
    const aborted = aborting && state.unsettled.length === 0
    const exitCode = aborted ? exitCodes.done : state.exitCode
    finish(tell, exitCode, recapOf(state), owedError(session, state))
    return exitCode
  } finally {
    interruption.stop()
    await journal.close()
  }
}

/** The state directory the flags and the environment name, opened. */
export async function stateDirectoryOf(
  flag: string | undefined,
  { terminal }: CommandContext,
): Promise<string> {
  const path = stateDirectoryPath(flag, terminal.environment)
  return await openStateDirectory(resolve(terminal.directory, path))
}

async function journalOptions(
  session: Session,
  stateDir: string | undefined,
  context: CommandContext,
): Promise<JournalOptions> {
  const { failpoints, open } = session
  return {
    stateDirectory: await stateDirectoryOf(stateDir, context),
    run: open.environment.run.id,
    documents: open.environment.run.documents,
    redact: context.redactor.redact,
    ...(failpoints === undefined ? {} : { onSynced: failpoints.onJournal }),
  }
}
