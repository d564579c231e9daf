import type { Command } from 'commander'
import type { Redactor } from '../base/secret.ts'
import type { Interruptions } from './interruption.ts'
import type { Terminal } from './terminal.ts'

/** What every command gets. */
export interface CommandContext {
  readonly terminal: Terminal
  /** Holds every secret read so far; all output goes through it. */
  readonly redactor: Redactor
  readonly interruptions: Interruptions
}

/** One command: its arguments and flags, and what it does; resolves to the exit status. */
export interface CliCommand {
  readonly name: string
  /** The command comes with its name and its summary. */
  register(command: Command, run: RunCommand): void
}

/** Runs a command's body with the context; made by `program.ts`. */
export type RunCommand = (body: (context: CommandContext) => Promise<number>) => Promise<void>

/** Collects a flag that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
