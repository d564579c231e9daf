import { Option } from 'commander'
import { BkpError } from '../../base/errors.ts'
import { type ApplyFlags, applyRunbook } from '../apply-runbook.ts'
import type { CliCommand, CommandContext } from '../command.ts'
import { refuseSteps } from '../confirm.ts'
import { isListing, listRunbook } from '../listing.ts'
import { type OutputFlags, outputForms } from '../run-output.ts'
import { addRunbookFlags, type ListingFlags, type RunbookFlags } from '../runbook-flags.ts'
import { finishUnapplied, openSession, planInto } from '../session.ts'
import { showRun } from '../shown-run.ts'

type Flags = RunbookFlags &
  ListingFlags &
  ApplyFlags &
  OutputFlags & {
    readonly dryRun?: boolean
    readonly check?: boolean
  }

export const runCommand: CliCommand = {
  name: 'run',
  register: (command, run) => {
    addRunbookFlags(command)
      .option('--dry-run', 'plan only: look, but write nothing')
      .addOption(new Option('--check', 'the same as --dry-run').hideHelp())
      .option('--step', 'ask before each task')
      .option('--confirm [word]', 'grant what the playbook asks; some questions want a word')
      .option('--state-dir <path>', 'where runs are journaled')
      .addOption(
        new Option('--output <form>', 'how progress is shown')
          .choices([...outputForms])
          .default('auto'),
      )
      .action((playbook: string, flags: Flags) =>
        run(async context => {
          if (isListing(flags)) return await listRunbook(playbook, flags, context)
          refuseImpossible(flags, context)
          return await runPlaybook(playbook, flags, context)
        }),
      )
  },
}

/** @throws usage.invalid for `--step` where there is nothing to choose, or nobody to choose it */
function refuseImpossible(flags: Flags, { terminal }: CommandContext): void {
  if (!flags.step) return
  if (flags.dryRun || flags.check) {
    throw new BkpError(
      'usage.invalid',
      '--step asks before tasks are done, and a dry run does none',
    )
  }
  refuseSteps(terminal)
}

async function runPlaybook(
  playbook: string,
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  return await showRun(flags, context, async ({ report, planReport, sayPlanned }) => {
    const session = await openSession(playbook, flags, context)
    try {
      if (flags.dryRun || flags.check) {
        const planned = await planInto(session, report, { dryRun: true })
        const { state } = planned
        finishUnapplied(session, report, { exitCode: state.exitCode, state })
        sayPlanned(planned)
        return state.exitCode
      }
      const sinks = { plan: planReport, planned: sayPlanned, apply: report }
      return await applyRunbook(session, flags, context, sinks)
    } finally {
      await session.open.close()
    }
  })
}
