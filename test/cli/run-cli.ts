import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

export interface CliOutcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly directory?: string
  readonly environment?: Readonly<Record<string, string>>
  /** Whether both streams are terminals; pipes by default. */
  readonly isTerminal?: boolean
  /** Where parts of the terminal are another's: its folder. */
  readonly terminal?: Pick<Terminal, 'directory'>
  /** What a person types; nobody is there by default. */
  readonly answer?: string
  readonly ask?: Terminal['ask']
}

/** Runs the program in this process, its streams caught. */
export async function runCli(
  words: readonly string[],
  options: CliOptions = {},
): Promise<CliOutcome> {
  const { directory = tmpdir(), environment = {}, isTerminal = false, answer, terminal } = options
  const { ask = async () => answer } = options
  let stdout = ''
  let stderr = ''
  const status = await main(words, {
    stdout: {
      isTerminal,
      write: text => {
        stdout += text
      },
      writeBytes: async bytes => {
        stdout += Buffer.from(bytes).toString('latin1')
        return true
      },
    },
    stderr: {
      isTerminal,
      write: text => {
        stderr += text
      },
    },
    columns: 100,
    get directory() {
      return terminal?.directory ?? directory
    },
    environment: name => environment[name],
    canAsk: answer !== undefined || options.ask !== undefined,
    ask,
    onInterrupt: () => ({ stop: () => {} }),
  })
  return { status, stdout, stderr }
}

/** A temporary folder and how to remove it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'bkp-cli-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** The last line of JSON lines. */
export function lastLine(text: string): unknown {
  return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')
}
