import { Option } from 'commander'
import { asBkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { PlanFile } from '../../execute/plan-file/format.ts'
import { planEnd } from '../../report/plan-summary.ts'
import { type ApplyFlags, applyRunbook } from '../apply-runbook.ts'
import { type CliCommand, type CommandContext, collect } from '../command.ts'
import { type OpenPlanFlags, openPlanFile } from '../plan-file.ts'
import { type OutputFlags, openOutput, outputForms } from '../run-output.ts'
import { addVaultFlags, positiveInteger } from '../runbook-flags.ts'
import { finishUnapplied } from '../session.ts'

type Flags = OpenPlanFlags & ApplyFlags & OutputFlags

export const applyCommand: CliCommand = {
  name: 'apply',
  register: (command, run) => {
    command
      .argument('<file>', 'a plan, as bkp plan --out keeps it')
      .option('--confirm [word]', 'grant what the playbook asks; some questions want a word')
      .option('--state-dir <path>', 'where runs are journaled')
      .addOption(
        new Option('--output <form>', 'how progress is shown')
          .choices([...outputForms])
          .default('auto'),
      )
      .option('--forks <n>', 'hosts at a time; as planned without it', positiveInteger)
      .option(
        '-e, --extra-vars <vars>',
        'all of them as they were given to the plan, where one holds a secret',
        collect,
      )
      .option('--diff', 'show before and after of small text files')
      .option('-v, --verbose', 'show results and durations')
    addVaultFlags(command).action((file: string, flags: Flags) =>
      run(context => applyPlan(file, flags, context)),
    )
  },
}

async function applyPlan(path: string, flags: Flags, context: CommandContext): Promise<number> {
  const { sink: report, close } = await openOutput(flags, context)
  const say = (text: string): void => {
    if (flags.output !== 'json') context.terminal.stdout.write(context.redactor.redact(text))
  }
  try {
    const { confirm: _confirm, stateDir: _stateDir, output: _output, ...openFlags } = flags
    const { file, session } = await openPlanFile(path, openFlags, context)
    try {
      say(`${headingOf(file)}\n`)
      return await applyRunbook(
        session,
        flags,
        context,
        {
          plan: flags.output === 'json' ? () => {} : report,
          planned: ({ document, state }) => say(`\n${planEnd(document, state.exitCode)}\n`),
          apply: report,
        },
        file.plan,
      )
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

function headingOf({ playbook, created, expires, plan }: PlanFile): string {
  const name = escapeControls(playbook, { newlines: false })
  return `Plan of ${name} from ${created}, expires ${expires}. Digest ${plan.digest.slice(0, 12)}.`
}
