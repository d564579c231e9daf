import { createInterface } from 'node:readline/promises'

/** The process as commands see it: streams, environment, a person to ask; made once in `main.ts`. */
export interface Terminal {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** Columns to lay out for. */
  readonly columns: number
  readonly directory: string
  environment(name: string): string | undefined
  /** Asks a person and resolves to the line typed; undefined where nobody can be asked. */
  ask(question: string): Promise<string | undefined>
  /** Calls back on each SIGINT and SIGTERM until it is stopped. */
  onInterrupt(callback: () => void): { stop(): void }
}

export interface OutputStream {
  readonly isTerminal: boolean
  write(text: string): void
}

/** Layout width where the terminal does not say: a log file, a pipe. */
const defaultColumns = 80

/** The real process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process
  return Object.freeze({
    stdout: outputStream(stdout),
    stderr: outputStream(stderr),
    columns: stdout.columns ?? defaultColumns,
    directory: process.cwd(),
    environment: name => env[name],
    ask: async question => {
      if (!stdin.isTTY || !stderr.isTTY) return undefined
      const prompt = createInterface({ input: stdin, output: stderr })
      try {
        return await prompt.question(question)
      } finally {
        prompt.close()
      }
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

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  // A reader that went away (`| head`) must not kill a run half way.
  stream.on('error', () => {})
  return { isTerminal: stream.isTTY === true, write: text => void stream.write(text) }
}
