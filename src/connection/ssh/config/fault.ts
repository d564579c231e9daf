import { BkpError } from '../../../base/errors.ts'
import { escapeControls } from '../../../base/text.ts'

/** The error for ssh options that cannot be followed. `place` is `file:line`, or where they stand. */
export function configFault(place: string, message: string, hint?: string): BkpError {
  const shown = escapeControls(`${place}: ${message}`, { newlines: false })
  return new BkpError('ssh.config_invalid', shown, hint === undefined ? {} : { hint })
}
