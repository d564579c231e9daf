import { Option } from 'commander'
import { escapeControls } from '../../base/text.ts'
import type { PlanFile } from '../../execute/plan-file/format.ts'
import { type ApplyFlags, applyRunbook } from '../apply-runbook.ts'
import { type CliCommand, type CommandContext, collect } from '../command.ts'
import { type OpenPlanFlags, openPlanFile } from '../plan-file.ts'
import { type OutputFlags, outputForms } from '../run-output.ts'
import { addVaultFlags, positiveInteger } from '../runbook-flags.ts'
import { showRun } from '../shown-run.ts'

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
  return await showRun(flags, context, async ({ report, planReport, say, sayPlanned }) => {
    const { confirm: _confirm, stateDir: _stateDir, output: _output, ...openFlags } = flags
    const { file, session } = await openPlanFile(path, openFlags, context)
    try {
      say(`${headingOf(file)}\n`)
      const sinks = { plan: planReport, planned: sayPlanned, apply: report }
      return await applyRunbook(session, flags, context, sinks, file.plan)
    } finally {
      await session.open.close()
    }
  })
}

function headingOf({ playbook, created, expires, plan }: PlanFile): string {
  const name = escapeControls(playbook, { newlines: false })
  return `Plan of ${name} from ${created}, expires ${expires}. Digest ${plan.digest.slice(0, 12)}.`
}
