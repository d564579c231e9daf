import { BkpError } from '../../base/errors.ts'
import { parseDuration } from '../../base/units.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'

/** `timeout` or `deadline` in milliseconds; a plain number is of seconds. Undefined where it is not given. */
export function durationAt(
  context: PlaybookContext,
  entry: Entry,
  key: string,
): number | undefined {
  const value = entry.value[key]
  const path = [...entry.path, key]
  // Anything else was told by the schema of the keyword.
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  if (String(value).includes('{{')) {
    fault(context, `"${key}" must be a duration, and cannot be computed`, path, {
      hint: 'write 90s, 10m or 24h',
    })
    return undefined
  }
  try {
    const milliseconds = Math.round(parseDuration(String(value)))
    if (milliseconds <= 0 && typeof value === 'string') {
      fault(context, `"${key}" must be more than 0`, path)
    }
    return milliseconds
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    return undefined
  }
}
