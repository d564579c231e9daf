import { resolve } from 'node:path'
import { exitCodes } from '../base/errors.ts'
import type { EventSink, RunEvent } from '../events/events.ts'
import {
  type Journal,
  type JournalOptions,
  openJournal,
  reopenJournal,
} from '../execute/journal.ts'
import { apply, hasConfirmation } from '../execute/run.ts'
import { openStateDirectory, stateDirectoryPath } from '../execute/state-directory.ts'
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
  return await applyJournaled(session, { journal, confirmer, flags, sink: sinks.apply }, context)
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
  return await applyJournaled(session, { journal, confirmer, flags, sink, replay }, context)
}

interface Application {
  readonly journal: Journal
  readonly confirmer: Confirmer
  readonly flags: Pick<RunbookFlags, 'forks' | 'limit' | 'extraVars'>
  readonly sink: EventSink
  readonly replay?: { readonly events: readonly RunEvent[]; readonly how: 'resume' | 'abort' }
}

async function applyJournaled(
  session: Session,
  { journal, confirmer, flags, sink, replay }: Application,
  { terminal }: CommandContext,
): Promise<number> {
  const tell = tellerOf(
    session,
    fanOut([journal.append, sink], reportTrouble),
    replay?.events.length,
  )
  let cancel: (level: 1 | 2) => void = () => {}
  let interrupts = 0
  const interruption = terminal.onInterrupt(() => {
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
      invocation: {
        directory: terminal.directory,
        forks: flags.forks,
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        ...(flags.extraVars === undefined ? {} : { extra_vars: flags.extraVars }),
      },
      onCancel: callback => {
        cancel = callback
      },
      ...(replay === undefined ? {} : { replay }),
    })
    const aborted = replay?.how === 'abort' && state.unsettled.length === 0
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
