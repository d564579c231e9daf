import { Command, CommanderError } from 'commander'
import { exitCodes } from '../base/errors.ts'
import { createRedactor } from '../base/secret.ts'
import { toolVersion } from '../base/version.ts'
import type { CommandContext, RunCommand } from './command.ts'
import { type CommandEntry, commands } from './commands/index.ts'
import { listenForInterrupts } from './interruption.ts'
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
    const program = await createProgram(words, terminal, run)
    await program.parseAsync(words, { from: 'user' })
    return status
  } catch (thrown) {
    // commander has already printed what is wrong with the command line, or the help.
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return exitCodes.done
      if (wantsEvents(words)) {
        const { refusedCommandLine } = await import('./refused-command-line.ts')
        refusedCommandLine(thrown.message, terminal, redact)
      }
      return exitCodes.usage
    }
    const { reportError } = await import('./report-error.ts')
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
  return (words[0] === 'run' || words[0] === 'apply') && isJson
}

/** The program with the one command that is called; of the others it knows what help tells. */
async function createProgram(
  words: readonly string[],
  terminal: Terminal,
  run: RunCommand,
): Promise<Command> {
  const program = new Command('bkp')
  program
    .description('Runbooks that back up and restore clustered databases.')
    .version(toolVersion)
    .exitOverride()
    .configureHelp({ subcommandTerm: command => `${command.name()} ${command.usage()}`.trimEnd() })
    .configureOutput({
      writeOut: text => terminal.stdout.write(text),
      writeErr: text => terminal.stderr.write(text),
    })
    .showHelpAfterError('(bkp --help shows the commands, bkp COMMAND --help its flags)')
    .showSuggestionAfterError(true)
  const called = calledBy(words)
  for (const entry of commands) {
    // Sub-commands copy these settings only when made by the program itself.
    const command = program.command(entry.name).description(entry.summary)
    if (entry === called) (await entry.load()).register(command, run)
    else command.usage(`[options] ${entry.args}`.trimEnd())
  }
  return program
}

/** `bkp list ...` and `bkp help list` call for the file of list, `bkp --help` for none. */
function calledBy(words: readonly string[]): CommandEntry | undefined {
  const [first, second] = words.filter(word => !word.startsWith('-'))
  const name = first === 'help' ? second : first
  return commands.find(entry => entry.name === name)
}
