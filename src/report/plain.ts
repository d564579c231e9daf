import { escapeControls } from '../base/text.ts'
import { formatDuration } from '../base/units.ts'
import type { EngineEvent, EventSink, Failure, StepRef, StepStatus } from '../events/events.ts'
import { changeLines } from './changes.ts'
import { recapLines } from './recap.ts'
import type { Output } from './sink.ts'
import type { Style } from './style.ts'

export interface PlainOptions {
  readonly output: Output
  readonly style: Style
  readonly redact: (text: string) => string
  readonly diff: boolean
  /** Show skipped hosts, durations and results too. */
  readonly verbose: boolean
  /** Columns to fill with rules under headings. */
  readonly width: number
}

/** Line by line, for pipes, logs and people: one heading a play and step, one line a host. */
export function plainReport(options: PlainOptions): EventSink {
  const write = (line: string): void => options.output.write(`${options.redact(line)}\n`)
  let planning = false
  // A plan shows only steps that have something to say, so their heading waits for it.
  let heading: readonly string[] = []
  return event => {
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
  if (event.event === 'step.planned') return options.diff ? plannedLines(event, options) : []
  if (event.event === 'step.finished') return finishedLines(event, options)
  if (event.event === 'run.finished') return finishedRunLines(event, options)
  return sharedLines(event, options)
}

function sharedLines(event: EngineEvent, options: PlainOptions): readonly string[] {
  const { style } = options
  switch (event.event) {
    case 'play.started':
      return ['', ruled(`PLAY ${shown(event.name)}`, options), style.dim(hostList(event.hosts))]
    case 'play.skipped':
      return [
        '',
        ruled(`PLAY ${shown(event.name)}`, options),
        style.skipped(`skipped: ${event.reason}`),
      ]
    case 'section.entered':
      return ['', style.changed(`${event.section.toUpperCase()} on ${event.hosts.join(', ')}`)]
    case 'settled':
      return settledLines(event, style)
    case 'notice':
      return [noticeLine(event.level, event.message, style)]
    default:
      return []
  }
}

function settledLines(
  { kind, outcome, name, hosts = [] }: Extract<EngineEvent, { event: 'settled' }>,
  style: Style,
): readonly string[] {
  if (outcome === 'dropped') return []
  const what = `${shown(name)} on ${hostList(hosts)}`
  if (outcome === 'ran')
    return [style.ok(`${kind === 'release' ? 'released' : 'rolled back'}: ${what}`)]
  return [style.failed(`${kind.toUpperCase()} FAILED: ${what} is still owed`)]
}

function taskHeading(
  event: Extract<EngineEvent, { event: 'task.started' }>,
  options: PlainOptions,
): readonly string[] {
  return ['', ruled(`TASK ${shown(event.name)}${moduleOf(event)}`, options)]
}

function moduleOf(event: { readonly name: string; readonly module: string }): string {
  return event.name === event.module ? '' : `  [${event.module}]`
}

function ruled(text: string, { style, width }: PlainOptions): string {
  const rule = '─'.repeat(Math.max(3, width - text.length - 1))
  return `${style.heading(text)} ${style.dim(rule)}`
}

/** Hosts of a play; beyond a line's worth, their number. */
function hostList(hosts: readonly string[]): string {
  return hosts.length <= 8
    ? hosts.join(', ')
    : `${hosts.slice(0, 8).join(', ')} and ${hosts.length - 8} more`
}

function plannedLines(
  event: Extract<EngineEvent, { event: 'step.planned' }>,
  options: PlainOptions,
): readonly string[] {
  if (event.changes.length === 0) {
    return [
      `  ${options.style.changed(`~ ${event.module}  (may change)`)}  ${options.style.dim(where(event))}`,
    ]
  }
  return event.changes.flatMap(change => {
    const [head = '', ...rest] = changeLines(change, event.certainty, options)
    return [
      `  ${head}  ${options.style.dim(`on ${change.host}`)}`,
      ...rest.map(line => `  ${line}`),
    ]
  })
}

function where(ref: StepRef): string {
  const item = ref.item === undefined ? '' : ` item=${shown(ref.item.label)}`
  return `on ${ref.host}${item}`
}

function finishedLines(
  event: Extract<EngineEvent, { event: 'step.finished' }>,
  options: PlainOptions,
): readonly string[] {
  const { style, verbose } = options
  const who = hostList(event.hosts ?? [event.host])
  const item = event.item === undefined ? '' : ` (item=${shown(event.item.label)})`
  const again = event.replayed ? style.dim('  (done before)') : ''
  const took =
    verbose && event.duration_ms !== undefined
      ? style.dim(`  ${formatDuration(event.duration_ms)}`)
      : ''
  const head = `  ${paintStatus(event.status, style)}: [${who}]${item}${took}${again}`
  const message = event.message === undefined ? [] : indented(event.message, 4)
  const result =
    verbose && event.result !== undefined ? [`    ${style.dim(JSON.stringify(event.result))}`] : []
  const failure =
    event.failure === undefined ? [] : failureLines(event.failure, style).map(line => `    ${line}`)
  return [head, ...message, ...failure, ...result]
}

function paintStatus(status: StepStatus, style: Style): string {
  switch (status) {
    case 'ok':
      return style.ok('ok')
    case 'changed':
      return style.changed('changed')
    case 'skipped':
      return style.skipped('skipped')
    case 'ignored':
      return style.changed('failed, ignored')
    case 'failed':
      return style.failed('FAILED')
    case 'unreachable':
      return style.failed('UNREACHABLE')
  }
}

/** What went wrong, where, what it printed, and what to do next. */
export function failureLines(failure: Failure, style: Style): readonly string[] {
  return [
    ...indented(`${failure.code}: ${failure.message}`, 0).map(style.failed),
    ...(failure.command === undefined ? [] : [`command: ${shown(failure.command)}`]),
    ...(failure.exit_status === undefined ? [] : [`exit status: ${failure.exit_status}`]),
    ...(failure.stderr === undefined ? [] : ['stderr:', ...indented(failure.stderr, 2)]),
    ...(failure.place === undefined ? [] : [`at ${failure.place}`]),
    ...(failure.hint === undefined ? [] : [`next: ${failure.hint}`]),
  ]
}

function indented(text: string, spaces: number): readonly string[] {
  return text.split('\n').map(line => `${' '.repeat(spaces)}${shown(line)}`)
}

function noticeLine(level: 'info' | 'warning' | 'error', message: string, style: Style): string {
  if (level === 'info') return style.dim(shown(message))
  return (level === 'warning' ? style.changed : style.failed)(`${level}: ${shown(message)}`)
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

function shown(text: string): string {
  return escapeControls(text, { newlines: false })
}
