import { BkpError } from '../../base/errors.ts'
import { outputLimitBytes, type Probe, type Word } from '../contract.ts'
import { joinLines, quotePath, quoteWord, quoteWords, script } from '../quote.ts'
import { makeProbe } from './internals.ts'

/** How a read-only command ended and what it printed, as text; at most 1 MiB of each stream. */
export interface OutputFacts {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** True when the command exits 0. For commands that only read: it runs in plans, too. */
export function succeeds(...argv: readonly Word[]): Probe<boolean> {
  return makeProbe(
    'succeeds',
    { argv },
    {
      script: script`${quoteWords(argv)} >/dev/null 2>&1`,
      limitBytes: 0,
      parse: reply => reply.code === 0,
    },
  )
}

/** What a command prints and how it exits; status 127 when there is no such program. Read-only commands. */
export function output(...argv: readonly Word[]): Probe<OutputFacts> {
  return makeProbe(
    'output',
    { argv },
    {
      script: quoteWords(argv),
      limitBytes: outputLimitBytes,
      parse: ({ code, stdout, stderr }) => ({
        code,
        stdout: stdout.toString(),
        stderr: stderr.toString(),
      }),
    },
  )
}

/**
 * True when shell text exits 0. The text is the user's, who declares that it only reads.
 * `cwd` is where it runs; a folder that is not there makes it false.
 */
export function conditionCommand(
  text: string,
  options: { readonly cwd?: string } = {},
): Probe<boolean> {
  const run = script`/bin/sh -c ${quoteWord(text)} >/dev/null 2>&1`
  const enter = options.cwd === undefined ? [] : [script`cd ${quotePath(options.cwd)} || exit 1`]
  return makeProbe(
    'conditionCommand',
    { text, ...options },
    {
      script: joinLines([...enter, run]),
      limitBytes: 0,
      ofUser: true,
      parse: reply => reply.code === 0,
    },
  )
}

/** Which of the programs the host has, by `command -v`. Names only, no paths. */
export function tools<const N extends string>(
  ...names: readonly N[]
): Probe<Readonly<Record<N, boolean>>> {
  for (const name of names) {
    if (/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name)) continue
    throw new BkpError('command.invalid', `"${name}" is no name of a program`)
  }
  const lines = names.map(
    name => script`command -v ${quoteWord(name)} >/dev/null 2>&1 && printf 1 || printf 0`,
  )
  return makeProbe(
    'tools',
    { names },
    {
      script: joinLines(lines),
      limitBytes: names.length,
      parse: ({ stdout }) =>
        Object.fromEntries(names.map((name, index) => [name, stdout[index] === 0x31])) as Record<
          N,
          boolean
        >,
    },
  )
}
