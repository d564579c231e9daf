import { Option } from 'commander'
import { asBkpError, BkpError } from '../../base/errors.ts'
import { planEnd } from '../../report/plan-summary.ts'
import { type ApplyFlags, applyRunbook } from '../apply-runbook.ts'
import type { CliCommand, CommandContext } from '../command.ts'
import { refuseSteps } from '../confirm.ts'
import { isListing, listRunbook } from '../listing.ts'
import { type OutputFlags, openOutput, outputForms } from '../run-output.ts'
import { addRunbookFlags, type ListingFlags, type RunbookFlags } from '../runbook-flags.ts'
import { finishUnapplied, openSession, planInto } from '../session.ts'

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
  const { sink: report, close } = await openOutput(flags, context)
  try {
    const session = await openSession(playbook, flags, context)
    try {
      if (flags.dryRun || flags.check) {
        const planned = await planInto(session, report, { dryRun: true })
        const { state, document } = planned
        finishUnapplied(session, report, { exitCode: state.exitCode, state })
        if (flags.output !== 'json') {
          context.terminal.stdout.write(`\n${planEnd(document, state.exitCode)}\n`)
        }
        return state.exitCode
      }
      return await applyRunbook(session, flags, context, {
        // Machines read one run; the plan before it is for the person who is asked.
        plan: flags.output === 'json' ? () => {} : report,
        planned: ({ document, state }) => {
          if (flags.output !== 'json') {
            context.terminal.stdout.write(`\n${planEnd(document, state.exitCode)}\n`)
          }
        },
        apply: report,
      })
    } finally {
      await session.open.close()
    }
  } catch (thrown) {
    const error = asBkpError(thrown)
    if (flags.output === 'json') {
      finishUnapplied(undefined, report, { exitCode: error.exit, error })
    }
    throw error
  } finally {
    close()
  }
}
