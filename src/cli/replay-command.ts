import type { Command } from 'commander'
import { exitCodes } from '../base/errors.ts'
import { type ApplyFlags, replayRunbook } from './apply-runbook.ts'
import { type CommandContext, collect, type RunCommand } from './command.ts'
import { refuseSteps } from './confirm.ts'
import { openOutput } from './run-output.ts'
import { addVaultFlags } from './runbook-flags.ts'
import { findRun, isOver, type StoredRunFlags } from './stored-run.ts'
import { endUnbegun } from './unbegun-run.ts'

type Flags = StoredRunFlags & ApplyFlags & { readonly verbose?: boolean }

/** `resume` and `abort`: the same run gone on with, to two different ends. */
export function replayCommand(
  how: 'resume' | 'abort',
): (command: Command, run: RunCommand) => void {
  return (command, run) => {
    addVaultFlags(command)
      .argument('<run>', 'the run, as bkp runs lists it')
      .option(
        '-i, --inventory <path>',
        'inventory in place of the one it was started with',
        collect,
      )
      .option('--from <storage>', 'a storage that mirrors the run, for another controller')
      .option('-e, --extra-vars <vars>', 'variables in place of those it was started with', collect)
      .option('--confirm [word]', 'grant what the playbook asks; some questions want a word')
      .option('--state-dir <path>', 'where runs are journaled')
      .option('-v, --verbose', 'show results and durations')
      .action((name: string, flags: Flags) => run(context => replay(name, how, flags, context)))
  }
}

async function replay(
  name: string,
  how: 'resume' | 'abort',
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { terminal } = context
  const ended = await endUnbegun(name, flags, context)
  if (ended !== undefined) {
    terminal.stdout.write(`${ended}\n`)
    return exitCodes.done
  }
  const found = await findRun(name, flags, context)
  try {
    if (isOver(found.stored)) {
      terminal.stdout.write(`run ${name} is over and owes nothing\n`)
      return exitCodes.done
    }
    if (how === 'resume' && found.flags.step) refuseSteps(terminal)
    const output = await openOutput({ verbose: flags.verbose ?? false }, context)
    try {
      const { events } = found.stored
      return await replayRunbook(
        found.session,
        { events, how },
        { ...found.flags, ...flags },
        context,
        output.sink,
      )
    } finally {
      output.close()
    }
  } finally {
    await found.session.open.close()
  }
}
