import type { EventSink } from '../events/events.ts'
import { eventLine } from '../events/line.ts'
import { redactEvent } from '../events/redact.ts'
import type { Output } from './sink.ts'

/** One event a line (design §8). */
export function jsonLines(output: Output, redact: (text: string) => string): EventSink {
  return event => output.write(`${eventLine(redactEvent(event, redact))}\n`)
}
