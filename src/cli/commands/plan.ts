import { exitCodes } from '../../base/errors.ts'
import type { EventSink } from '../../events/events.ts'
import { planEnd } from '../../report/plan-summary.ts'
import type { CliCommand, CommandContext } from '../command.ts'
import { isListing, listRunbook } from '../listing.ts'
import { plainOutput } from '../plain-output.ts'
import { dayMs, durationMs, type PlanFileFlags, writePlanFile } from '../plan-file.ts'
import { openOutput } from '../run-output.ts'
import { addRunbookFlags, type ListingFlags, type RunbookFlags } from '../runbook-flags.ts'
import { openSession, type Planned, planInto, type Session } from '../session.ts'

type Flags = RunbookFlags &
  ListingFlags &
  PlanFileFlags & { readonly json?: boolean; readonly detailedExitcode?: boolean }

export const planCommand: CliCommand = {
  name: 'plan',
  register: (command, run) => {
    addRunbookFlags(command)
      .option('--json', 'print the plan as JSON')
      .option('--detailed-exitcode', 'exit 10 when changes are pending')
      .option('--out <file>', 'keep the plan in a file, for bkp apply')
      .option(
        '--expires <duration>',
        'how long that file may wait to be applied',
        durationMs,
        dayMs,
      )
      .action((playbook: string, flags: Flags) =>
        run(async context => {
          if (isListing(flags)) return await listRunbook(playbook, flags, context)
          const planned = await planPlaybook(playbook, flags, context)
          const { exitCode } = planned.state
          const pending = planned.document.changes.length > 0
          return exitCode === exitCodes.done && flags.detailedExitcode && pending
            ? exitCodes.changesPending
            : exitCode
        }),
      )
  },
}

async function planPlaybook(
  playbook: string,
  flags: Flags,
  context: CommandContext,
): Promise<Planned> {
  const { terminal, redactor } = context
  const session = await openSession(playbook, flags, context)
  try {
    const planned = await planInView(session, flags, context)
    const { document } = planned
    const text = flags.json
      ? JSON.stringify(document, undefined, 2)
      : `\n${planEnd(document, planned.state.exitCode)}`
    terminal.stdout.write(redactor.redact(`${text}\n`))
    if (planned.state.exitCode === exitCodes.done) {
      await writePlanFile(playbook, flags, { session, planned }, context)
    }
    return planned
  } finally {
    await session.open.close()
  }
}

/** People see the plan where it grows; with --json only what stops it is told, on stderr. */
async function planInView(
  session: Session,
  flags: Flags,
  context: CommandContext,
): Promise<Planned> {
  if (flags.json) return await planInto(session, troubleOnly(flags, context))
  const { sink, close } = await openOutput(flags, context)
  try {
    return await planInto(session, sink)
  } finally {
    close()
  }
}

function troubleOnly(flags: Flags, context: CommandContext): EventSink {
  const report = plainOutput(context, flags, context.terminal.stderr)
  return event => {
    if (event.event === 'step.finished' && event.failure !== undefined) report(event)
    if (event.event === 'notice') report(event)
  }
}
