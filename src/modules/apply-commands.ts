import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Command, Exit, Host } from '../connection/contract.ts'
import { displayCommand } from './command-line.ts'
import type { Change } from './contract.ts'

/** Lines of standard error that an error shows, and characters: a line may be a megabyte. */
const stderrTailLines = 20
const stderrTailCharacters = 4000

/** Characters of a command line that an error shows. */
const shownCharacters = 2000

/** What is left of a word where a text was cut: half a secret is one, too, and nobody would know it. */
const wordPart = /^[^\s"'`,;&<>|(){}[\]]*/
const lastWordPart = /[^\s"'`,;&<>|(){}[\]]*$/
const longestPart = 1000

/** Text of what a command printed; bytes that are not UTF-8 become U+FFFD. */
export function outputText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** The last lines of standard error: what an error shows of it. */
export function stderrTail(exit: Exit): string {
  const tail = outputText(exit.stderr).trimEnd().split('\n').slice(-stderrTailLines).join('\n')
  if (tail.length <= stderrTailCharacters) return tail
  const kept = tail.slice(-stderrTailCharacters)
  const part = wordPart.exec(kept)?.[0].length ?? 0
  return `…${kept.slice(part > longestPart ? 0 : part)}`
}

/** Signals that programs raise themselves. */
const crashes: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'])

/** What to do next: not to look at a standard error that is empty. */
function nextStep(exit: Exit): string {
  if (crashes.has(exit.signal ?? '')) return 'the program crashed; its own log may say more'
  if (exit.code === undefined) {
    return 'somebody on the host ended it: a person, a timeout of its own, or the kernel for lack of memory'
  }
  if (exit.code === 127) return 'is the program installed on the host, and in the PATH of the user?'
  if (exit.code === 126) return 'may the user execute it, and is it a program?'
  return stderrTail(exit) === ''
    ? 'it said nothing on standard error; run it on the host by hand'
    : 'standard error of the command says why; run it on the host by hand if it does not'
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
  const whole = displayCommand(command)
  const line =
    whole.length <= shownCharacters
      ? whole
      : `${whole.slice(0, shownCharacters).replace(lastWordPart, '')}…`
  return new BkpError('command.failed', `${line}: ${describeExit(exit)}`, {
    hint: nextStep(exit),
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
