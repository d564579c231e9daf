import type { EngineEvent, EventSink, RunEvent } from '../events/events.ts'
import {
  failureLines,
  finishedLines,
  type LineOptions,
  plannedLines,
  ruled,
  sharedLines,
  taskHeading,
  tellsChanges,
} from './event-lines.ts'
import { recapLines } from './recap.ts'
import type { Output } from './sink.ts'

export interface PlainOptions extends LineOptions {
  readonly output: Output
  readonly redact: (text: string) => string
  /** Begin the lines of an applying run with the time (UTC): for logs. */
  readonly timestamps?: boolean
}

/** Line by line, for pipes, logs and people: one heading a play and step, one line a host. */
export function plainReport(options: PlainOptions): EventSink {
  let planning = false
  // A plan shows only steps that have something to say, so their heading waits for it.
  let heading: readonly string[] = []
  return event => {
    const write = (line: string): void => {
      const text = options.redact(line)
      options.output.write(`${planning ? text : stamped(text, event, options)}\n`)
    }
    if (event.event === 'run.started') planning = event.mode === 'plan'
    if (event.event === 'task.started') {
      heading = taskHeading(event, options)
      if (planning) return
    }
    const lines = planning ? planLines(event, options) : applyLines(event, options)
    if (lines.length === 0 && event.event !== 'task.started') return
    if (event.event !== 'play.started') for (const line of heading) write(line)
    heading = []
    for (const line of lines) write(line)
  }
}

/** What the time takes of a line's width. */
export const timestampCells = '2026-01-31T12:00:00Z '.length

/** Whole seconds: a person reads them; the journal has them exactly. A plan is no log. */
function stamped(line: string, { time }: RunEvent, { timestamps, style }: PlainOptions): string {
  if (!timestamps || line === '') return line
  return `${style.dim(`${time.slice(0, 19)}Z`)} ${line}`
}

/** What a plan says of an event: what would change, and what stops it. */
function planLines(event: EngineEvent, options: PlainOptions): readonly string[] {
  if (event.event === 'step.planned') return plannedLines(event, options)
  if (event.event === 'step.finished') {
    const telling = event.failure !== undefined || event.message !== undefined || options.verbose
    return telling ? finishedLines(event, options) : []
  }
  return event.event === 'run.finished' ? [] : sharedLines(event, options)
}

/** What an applying run says of an event: how steps went; what they would do only with --diff. */
function applyLines(event: EngineEvent, options: PlainOptions): readonly string[] {
  if (event.event === 'step.planned')
    return tellsChanges(event, options.diff) ? plannedLines(event, options) : []
  if (event.event === 'step.finished') return finishedLines(event, options)
  if (event.event === 'run.finished') return finishedRunLines(event, options)
  return sharedLines(event, options)
}

function finishedRunLines(
  event: Extract<EngineEvent, { event: 'run.finished' }>,
  options: PlainOptions,
): readonly string[] {
  const lines = recapLines(event.recap, options.style)
  const recap = lines.length === 0 ? [] : ['', ruled('RECAP', options), ...lines]
  const failure =
    event.failure === undefined ? [] : ['', ...failureLines(event.failure, options.style)]
  return [...recap, ...failure]
}
