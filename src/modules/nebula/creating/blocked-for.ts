import { formatDuration } from '../../../base/units.ts'

/** A window of blocked writes for people: exact where it is short. */
export function blockedFor(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : formatDuration(milliseconds)
}
