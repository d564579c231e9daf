import { asBkpError } from '../base/errors.ts'
import { renderError } from '../base/render-error.ts'
import type { Terminal } from './terminal.ts'

/**
 * Prints an error in the one format and returns its exit status. The stack is for BKP_DEBUG=1 only.
 */
export function reportError(
  thrown: unknown,
  terminal: Terminal,
  redact: (text: string) => string,
): number {
  const error = asBkpError(thrown)
  terminal.stderr.write(`${redact(renderError(error))}\n`)
  if (terminal.environment('BKP_DEBUG') === '1') {
    for (let cause: unknown = thrown; cause instanceof Error; cause = cause.cause) {
      terminal.stderr.write(`${redact(cause.stack ?? cause.message)}\n`)
    }
  }
  return error.exit
}
