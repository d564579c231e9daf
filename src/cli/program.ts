import { Command, CommanderError } from 'commander'
import { exitCodes } from '../base/errors.ts'
import { createRedactor } from '../base/secret.ts'
import { toolVersion } from '../base/version.ts'
import type { CommandContext, RunCommand } from './command.ts'
import { commands } from './commands/index.ts'
import { reportError } from './report-error.ts'
import type { Terminal } from './terminal.ts'

/** Parses the command line and runs the command. Resolves to the exit status. */
export async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  const context: CommandContext = { terminal, redactor: createRedactor() }
  const redact = context.redactor.redact
  let status: number = exitCodes.done
  const run: RunCommand = async body => {
    status = await body(context)
  }
  try {
    await createProgram(terminal, run).parseAsync(words, { from: 'user' })
    return status
  } catch (thrown) {
    // commander has already printed what is wrong with the command line, or the help.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes.usage
    return reportError(thrown, terminal, redact)
  }
}

function createProgram(terminal: Terminal, run: RunCommand): Command {
  const program = new Command('bkp')
  program
    .description('Runbooks that back up and restore clustered databases.')
    .version(toolVersion)
    .exitOverride()
    .configureOutput({
      writeOut: text => terminal.stdout.write(text),
      writeErr: text => terminal.stderr.write(text),
    })
    .showHelpAfterError('(bkp --help shows the commands, bkp COMMAND --help its flags)')
    .showSuggestionAfterError(true)
  for (const command of commands) {
    // Sub-commands copy these settings only when made by the program itself.
    command.register(program.command(command.name), run)
  }
  return program
}
