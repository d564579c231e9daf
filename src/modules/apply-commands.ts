import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Command, Exit, Host } from '../connection/contract.ts'
import { displayCommand } from './command-line.ts'
import type { Change } from './contract.ts'

/** Lines of standard error that an error shows. */
const stderrTailLines = 20

/** Text of what a command printed; bytes that are not UTF-8 become U+FFFD. */
export function outputText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** The last lines of standard error: what an error shows of it. */
export function stderrTail(exit: Exit): string {
  return outputText(exit.stderr).trimEnd().split('\n').slice(-stderrTailLines).join('\n')
}

/** How a command ended, in words: `exit status 3`, `killed by SIGTERM`. */
export function describeExit(exit: Exit): string {
  return exit.code === undefined
    ? `killed by ${exit.signal ?? 'a signal'}`
    : `exit status ${exit.code}`
}

/** The error of a command that ended badly; `details` adds facts for machines. */
export function commandFailed(
  host: { readonly name: string },
  command: Command,
  exit: Exit,
  details: Readonly<Record<string, unknown>> = {},
): BkpError {
  const line = displayCommand(command)
  return new BkpError('command.failed', `${line}: ${describeExit(exit)}`, {
    hint: 'standard error of the command says why; run it on the host by hand if it does not',
    details: {
      ...details,
      host: host.name,
      command: line,
      ...(exit.code === undefined ? {} : { exit_status: exit.code }),
      stderr: stderrTail(exit),
    },
  })
}

/** Runs one command on the host. @throws command.failed on a non-zero status, ssh.* */
export async function runCommand(host: Host, command: Command, io: Io): Promise<Exit> {
  const exit = await host.run(command, io)
  if (exit.code !== 0) throw commandFailed(host, command, exit)
  return exit
}

/**
 * What a module without an apply of its own does: the planned commands, in order.
 * @throws command.failed at the first that ends with a non-zero status; ssh.*
 */
export async function defaultApply(
  host: Host,
  input: { readonly changes: readonly Change[] },
  io: Io,
): Promise<void> {
  for (const change of input.changes) {
    for (const command of change.commands ?? []) await runCommand(host, command, io)
  }
}
