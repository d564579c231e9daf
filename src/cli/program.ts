import { Command, CommanderError } from 'commander'
import { BkpError, exitCodes } from '../base/errors.ts'
import { createRedactor } from '../base/secret.ts'
import { toolVersion } from '../base/version.ts'
import { jsonLines } from '../report/json-lines.ts'
import type { CommandContext, RunCommand } from './command.ts'
import { commands } from './commands/index.ts'
import { listenForInterrupts } from './interruption.ts'
import { reportError } from './report-error.ts'
import { finishUnapplied } from './session.ts'
import type { Terminal } from './terminal.ts'

/** Parses the command line and runs the command. Resolves to the exit status. */
export async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  const interruptions = listenForInterrupts(terminal)
  const context: CommandContext = { terminal, redactor: createRedactor(), interruptions }
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
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return exitCodes.done
      if (wantsEvents(words)) {
        const error = new BkpError('usage.invalid', thrown.message)
        finishUnapplied(undefined, jsonLines(terminal.stdout, redact), {
          exitCode: exitCodes.usage,
          error,
        })
      }
      return exitCodes.usage
    }
    return reportError(thrown, terminal, redact)
  } finally {
    interruptions.stop()
  }
}

/** Whether events were asked for, where the flags around it could not be parsed. */
function wantsEvents(words: readonly string[]): boolean {
  const isJson = words.some(
    (word, index) =>
      word === '--output=json' || (word === '--output' && words[index + 1] === 'json'),
  )
  return words[0] === 'run' && isJson
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
