import type { RunEvent } from './events.ts'

/** An event as one line of JSON, without the line end. Integers beyond 2^53 become text. */
export function eventLine(event: RunEvent): string {
  return JSON.stringify(event, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
}
