import { BkpError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'

/** @throws step.failed for a secret: every user of the host may read the words of a process */
export function plainText(value: string | number | Secret): string {
  if (value instanceof Secret) {
    throw new BkpError('step.failed', 'a secret may not be part of a command', {
      hint: 'ps shows it to every user of the host: hand it over with stdin',
    })
  }
  return String(value)
}
