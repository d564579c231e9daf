import { type ApplyFlags, undoRunbook } from '../apply-runbook.ts'
import { type CliCommand, type CommandContext, collect } from '../command.ts'
import { openOutput } from '../run-output.ts'
import { addVaultFlags } from '../runbook-flags.ts'
import { findRun, type StoredRunFlags } from '../stored-run.ts'

type Flags = StoredRunFlags & ApplyFlags

export const undoCommand: CliCommand = {
  name: 'undo',
  register: (command, run) => {
    addVaultFlags(command)
      .argument('<run>', 'the run, as bkp runs lists it')
      .option(
        '-i, --inventory <path>',
        'inventory in place of the one it was started with',
        collect,
      )
      .option('-e, --extra-vars <vars>', 'variables in place of those it was started with', collect)
      .option('--confirm', 'do it without asking')
      .option('--state-dir <path>', 'where runs are journaled')
      .action((name: string, flags: Flags) => run(context => undoRun(name, flags, context)))
  },
}

async function undoRun(name: string, flags: Flags, context: CommandContext): Promise<number> {
  const found = await findRun(name, flags, context)
  try {
    const { sink, close } = await openOutput({}, context)
    try {
      const { events } = found.stored
      return await undoRunbook(found.session, events, { ...found.flags, ...flags }, context, sink)
    } finally {
      close()
    }
  } finally {
    await found.session.open.close()
  }
}
