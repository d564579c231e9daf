import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { BkpError } from '../base/errors.ts'
import type { Screen } from '../report/tree/live-area.ts'

/** The process as commands see it: streams, environment, a person to ask; made once in `main.ts`. */
export interface Terminal {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** The screen behind standard output, for a renderer that redraws; loaded when it is asked for. */
  screen?(): Promise<Screen>
  /** Columns to lay out for. */
  readonly columns: number
  readonly directory: string
  environment(name: string): string | undefined
  /**
   * Takes a variable that holds a secret out of what the shells of local hosts inherit, whose
   * environment others may read. `environment` still has it, and so have programs that get all of it.
   */
  conceal?(name: string): void
  /** All variables, concealed ones too; undefined where there is no process. */
  wholeEnvironment?(): Readonly<Record<string, string | undefined>>
  /** Whether there is a person to ask. */
  readonly canAsk: boolean
  /**
   * Asks a person and resolves to the line typed; undefined where nobody can be asked, or the answer is
   * the end of the input. Rejects when the signal aborts.
   */
  ask(question: string, options?: AskOptions): Promise<string | undefined>
  /** Calls back on each SIGINT and SIGTERM until it is stopped. */
  onInterrupt(callback: () => void): { stop(): void }
}

export interface AskOptions {
  /** The answer is not shown while it is typed. */
  readonly hidden?: boolean
  readonly signal?: AbortSignal
}

export interface OutputStream {
  readonly isTerminal: boolean
  /** Columns of the terminal behind it, as it is now; undefined where there is none. */
  readonly columns?: number | undefined
  write(text: string): void
  /** Waits until bytes are on their way. False once nobody reads any more. */
  writeBytes?(bytes: Uint8Array): Promise<boolean>
}

/** Layout width where the terminal does not say: a log file, a pipe. */
const defaultColumns = 80

/** The real process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process
  const concealed = new Map<string, string>()
  const isPerson = stdin.isTTY === true && stderr.isTTY === true
  let screen: Screen | undefined
  return Object.freeze({
    stdout: outputStream(stdout),
    stderr: outputStream(stderr),
    screen: async () => {
      const { processScreen } = await import('../report/tree/process-screen.ts')
      screen ??= processScreen(process)
      return screen
    },
    columns: stdout.columns ?? defaultColumns,
    get directory() {
      return currentDirectory()
    },
    environment: name => concealed.get(name) ?? env[name],
    conceal: name => {
      const value = env[name]
      if (value === undefined) return
      concealed.set(name, value)
      delete env[name]
    },
    wholeEnvironment: () => ({ ...env, ...Object.fromEntries(concealed) }),
    canAsk: isPerson,
    ask: async (question, options = {}) => {
      if (!isPerson) return undefined
      const asking = (): Promise<string | undefined> => askPerson(question, options)
      return screen === undefined ? await asking() : await screen.aside(asking)
    },
    onInterrupt: callback => {
      process.on('SIGINT', callback)
      process.on('SIGTERM', callback)
      return {
        stop: () => {
          process.off('SIGINT', callback)
          process.off('SIGTERM', callback)
        },
      }
    },
  } satisfies Terminal)
}

/** @throws usage.invalid where the folder was removed after the process began in it */
function currentDirectory(): string {
  try {
    return process.cwd()
  } catch (cause) {
    throw new BkpError('usage.invalid', 'the folder that bkp was started in is gone', {
      cause,
      hint: 'cd into one that exists',
    })
  }
}

async function askPerson(
  question: string,
  { hidden = false, signal }: AskOptions,
): Promise<string | undefined> {
  const { stdin, stderr } = process
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const output = hidden ? nowhere : stderr
  const prompt = createInterface({ input: stdin, output, terminal: true })
  // A terminal that is read key by key raises no signal of its own.
  prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const ended = new Promise<undefined>(resolve => prompt.once('close', () => resolve(undefined)))
  if (hidden) stderr.write(question)
  try {
    const shown = hidden ? '' : question
    const answer = prompt.question(shown, signal === undefined ? {} : { signal })
    return await Promise.race([answer, ended])
  } finally {
    prompt.close()
    if (hidden) stderr.write('\n')
  }
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  // A reader that went away (`| head`) must not kill a run half way.
  stream.on('error', () => {})
  return {
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns
    },
    write: text => void stream.write(text),
    writeBytes: bytes =>
      new Promise(resolve => {
        stream.write(bytes, error => resolve(error === null || error === undefined))
      }),
  }
}
