import { asBkpError } from '../base/errors.ts'
import type { EventSink } from '../events/events.ts'
import { planEnd } from '../report/plan-summary.ts'
import type { CommandContext } from './command.ts'
import { type OutputFlags, openOutput } from './run-output.ts'
import { finishUnapplied, type Planned } from './session.ts'

/** Where a command that runs a playbook tells of it. */
export interface RunView {
  readonly report: EventSink
  /** What a plan comes to before the run; for people only. */
  readonly planReport: EventSink
  /** Text besides the events, for people only. */
  say(text: string): void
  /** How a plan ends. */
  sayPlanned(planned: Planned): void
}

/**
 * Shows what a command does as its flags ask. Machines get their last event even when it fails before
 * the run begins, and the terminal is given back in any case.
 */
export async function showRun(
  flags: OutputFlags,
  context: CommandContext,
  work: (view: RunView) => Promise<number>,
): Promise<number> {
  const { sink: report, close } = await openOutput(flags, context)
  const isJson = flags.output === 'json'
  const say = (text: string): void => {
    if (!isJson) context.terminal.stdout.write(context.redactor.redact(text))
  }
  try {
    return await work({
      report,
      // Machines read one run; the plan before it is for the person who is asked.
      planReport: isJson ? () => {} : report,
      say,
      sayPlanned: ({ document, state }) => say(`\n${planEnd(document, state.exitCode)}\n`),
    })
  } catch (thrown) {
    const error = asBkpError(thrown)
    if (isJson) finishUnapplied(undefined, report, { exitCode: error.exit, error })
    throw error
  } finally {
    close()
  }
}
