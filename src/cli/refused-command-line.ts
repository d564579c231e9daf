import { BkpError, exitCodes } from '../base/errors.ts'
import { jsonLines } from '../report/json-lines.ts'
import { finishUnapplied } from './session.ts'
import type { Terminal } from './terminal.ts'

/** Ends the stream of events of a run whose command line was not understood. */
export function refusedCommandLine(
  message: string,
  { stdout }: Terminal,
  redact: (text: string) => string,
): void {
  const error = new BkpError('usage.invalid', message)
  finishUnapplied(undefined, jsonLines(stdout, redact), { exitCode: exitCodes.usage, error })
}
