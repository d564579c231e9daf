import { escapeControls } from '../base/text.ts'
import { formatDuration } from '../base/units.ts'
import type { EngineEvent, Failure, StepRef, StepStatus } from '../events/events.ts'
import { cellWidth, fitCells } from './cells.ts'
import { changeLines } from './changes.ts'
import type { Style } from './style.ts'

/** How events are worded. */
export interface LineOptions {
  readonly style: Style
  readonly diff: boolean
  /** Show skipped hosts, durations and results too. */
  readonly verbose: boolean
  /** Columns to fill with rules under headings. */
  readonly width: number
}

/** What every renderer says of plays, sections, debts and notices; nothing of other events. */
export function sharedLines(event: EngineEvent, options: LineOptions): readonly string[] {
  const { style } = options
  switch (event.event) {
    case 'play.started':
      return ['', ruled(`PLAY ${shown(event.name)}`, options), style.dim(hostList(event.hosts))]
    case 'batch.started': {
      const { number, of, hosts } = event
      return ['', `${style.heading(`BATCH ${number} of ${of}`)} ${style.dim(hostList(hosts))}`]
    }
    case 'step.retried':
      return [retriedLine(event, options)]
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

/** A step that is tried again, and why: the first line of what went wrong. */
function retriedLine(
  event: Extract<EngineEvent, { event: 'step.retried' }>,
  { style, width }: LineOptions,
): string {
  const { attempt, of, failure, item } = event
  const itemLabel = item === undefined ? '' : ` (item=${shown(item.label)})`
  const why = failure === undefined ? '' : `: ${failure.message.split('\n')[0] ?? ''}`
  const head = `: [${shownHost(event)}]${itemLabel}  `
  const room = Math.max(20, width - cellWidth(`  again${head}`))
  const tries = fitCells(shown(`try ${attempt} of ${of}${why}`), room)
  return `  ${style.changed('again')}${head}${style.dim(tries)}`
}

/** What became of a debt; what was dropped needs no words. */
export function settledLines(
  { kind, outcome, name, hosts = [] }: Extract<EngineEvent, { event: 'settled' }>,
  style: Style,
): readonly string[] {
  if (outcome === 'dropped') return []
  const what = `${shown(name)} on ${hostList(hosts)}`
  if (outcome === 'ran')
    return [style.ok(`${kind === 'release' ? 'released' : 'rolled back'}: ${what}`)]
  return [style.failed(`${kind.toUpperCase()} FAILED: ${what} is still owed`)]
}

/** A heading, its rule as wide as the page. */
export function ruled(text: string, { style, width }: LineOptions): string {
  const rule = '─'.repeat(Math.max(3, width - cellWidth(text) - 1))
  return `${style.heading(text)} ${style.dim(rule)}`
}

/** Hosts, by name; beyond a line's worth, their number. */
export function hostList(hosts: readonly string[]): string {
  return hosts.length <= 8
    ? hosts.join(', ')
    : `${hosts.slice(0, 8).join(', ')} and ${hosts.length - 8} more`
}

/** Whether a run that applies tells what a step changes: with --diff, or where the step asks for it. */
export function tellsChanges(
  { changes }: Extract<EngineEvent, { event: 'step.planned' }>,
  diff: boolean,
): boolean {
  return diff || changes.some(change => change.diff !== undefined)
}

/** What a step would change, a line each. */
export function plannedLines(
  event: Extract<EngineEvent, { event: 'step.planned' }>,
  options: LineOptions,
): readonly string[] {
  if (event.changes.length === 0) {
    return [
      `  ${options.style.changed(`~ ${event.module}  (may change)`)}  ${options.style.dim(where(event))}`,
    ]
  }
  const view = { ...options, informational: event.informational === true }
  return event.changes.flatMap(change => {
    const [head = '', ...rest] = changeLines(change, event.certainty, view)
    return [
      `  ${head}  ${options.style.dim(`on ${changedHost(event, change)}`)}`,
      ...rest.map(line => `  ${line}`),
    ]
  })
}

/** The host of a step, and the one that does it for it: `db1 -> db2`. */
export function shownHost({ host, delegate }: Pick<StepRef, 'host' | 'delegate'>): string {
  return delegate === undefined || delegate === host ? host : `${host} -> ${delegate}`
}

/** The host of a planned change, and for which one a delegate makes it. */
export function changedHost(ref: StepRef, change: { readonly host: string }): string {
  return change.host === ref.delegate ? shownHost(ref) : change.host
}

function where(ref: StepRef): string {
  const item = ref.item === undefined ? '' : ` item=${shown(ref.item.label)}`
  return `on ${shownHost(ref)}${item}`
}

/** How a step ended on its host: status, message, failure. */
export function finishedLines(
  event: Extract<EngineEvent, { event: 'step.finished' }>,
  options: LineOptions,
): readonly string[] {
  const { style, verbose } = options
  const who = hostList(event.hosts ?? [shownHost(event)])
  const item = event.item === undefined ? '' : ` (item=${shown(event.item.label)})`
  const again = event.replayed ? style.dim('  (done before)') : ''
  const took =
    verbose && event.duration_ms !== undefined
      ? style.dim(`  ${formatDuration(event.duration_ms)}`)
      : ''
  const head = `  ${paintStatus(event.status, style)}: [${who}]${item}${took}${again}`
  const message = event.message === undefined ? [] : indented(event.message, 4)
  const result =
    verbose && event.result !== undefined
      ? [`    ${style.dim(shown(JSON.stringify(event.result)))}`]
      : []
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
  // The message of a failed command names it, and how it ended, already.
  const unsaid = (line: string, words: string): readonly string[] =>
    failure.message.includes(words) ? [] : [shown(line)]
  const { command, exit_status: status } = failure
  return [
    ...indented(`${failure.code}: ${failure.message}`, 0).map(style.failed),
    ...(command === undefined ? [] : unsaid(`command: ${command}`, command)),
    ...(status === undefined ? [] : unsaid(`exit status: ${status}`, `exit status ${status}`)),
    ...(failure.stderr === undefined ? [] : ['stderr:', ...indented(failure.stderr, 2)]),
    ...(failure.log === undefined ? [] : ['log:', ...indented(failure.log, 2)]),
    ...(failure.place === undefined ? [] : [`at ${failure.place}`]),
    ...(failure.hint === undefined ? [] : [`next: ${failure.hint}`]),
  ]
}

/** Text of several lines, its control characters visible. */
export function indented(text: string, spaces: number): readonly string[] {
  return text.split('\n').map(line => `${' '.repeat(spaces)}${shown(line)}`)
}

/** A notice, painted as urgent as it is. */
export function noticeLine(
  level: 'info' | 'warning' | 'error',
  message: string,
  style: Style,
): string {
  if (level === 'info') return style.dim(shown(message))
  return (level === 'warning' ? style.changed : style.failed)(`${level}: ${shown(message)}`)
}

/** The heading of a step, and the module it uses where its name does not say it. */
export function taskHeading(
  { name, module }: { readonly name: string; readonly module: string },
  options: LineOptions,
): readonly string[] {
  const used = name === module ? '' : `  [${module}]`
  return ['', ruled(`TASK ${shown(name)}${used}`, options)]
}

/** Text as a terminal may get it: its control characters visible. */
export function shown(text: string): string {
  return escapeControls(text, { newlines: false })
}
