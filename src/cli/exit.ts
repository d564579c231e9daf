import { asBkpError, type BkpError, exitCodes } from '../base/errors.ts'
import { renderError } from '../base/render-error.ts'

/** The process as commands see it: streams, environment, terminal; made once in `main.ts`. */
export interface Terminal {
  readonly stdout: { write(text: string): void; readonly isTerminal: boolean }
  readonly stderr: { write(text: string): void; readonly isTerminal: boolean }
  readonly columns: number
  environment(name: string): string | undefined
  /** Asks a person; undefined when there is none. */
  ask(question: string): Promise<string | undefined>
}

/** Prints an error in the one format and returns its exit status. */
export function reportError(thrown: unknown, terminal: Terminal): number {
  const error: BkpError = asBkpError(thrown)
  terminal.stderr.write(`${renderError(error)}\n`)
  if (terminal.environment('BKP_DEBUG') === '1' && thrown instanceof Error) {
    terminal.stderr.write(`${thrown.stack ?? ''}\n`)
    if (error.cause instanceof Error)
      terminal.stderr.write(`caused by ${error.cause.stack ?? ''}\n`)
  }
  return error.exit
}

export { exitCodes }
