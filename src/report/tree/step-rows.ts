import { formatBytes, formatDuration } from '../../base/units.ts'
import type { StepStatus } from '../../events/events.ts'
import { shownHost } from '../event-lines.ts'
import type { Style } from '../style.ts'
import type { Glyphs } from './glyphs.ts'
import { type Field, rowLine } from './row.ts'
import { firstOf, fractionOf, type HostView, type StepView, slowestOf } from './step-view.ts'

/** How rows are drawn. */
export interface RowOptions {
  readonly style: Style
  readonly glyphs: Glyphs
  /** Cells that a row may take. */
  readonly cells: number
}

export interface LiveOptions extends RowOptions {
  readonly nowMs: number
  /** Counts frames: which sign of the spinner is shown. */
  readonly tick: number
}

/** Hosts shown under a running step. */
export const mostHostRows = 5
/** Quick steps do not make the screen jump. */
const hostRowsAfterMs = 1000
/** Fewer bytes have no rate worth telling. */
const worthRating = 1024 * 1024
/** Before this, an estimate would be a guess. */
const estimateAfterMs = 3000
/** A step that is over sooner never shows what it waits for. */
const impatientAfterMs = 2000

const bare = (text: string): string => text

/** The row of the step that runs: counts, bytes, rate, time left, slowest host, and the time it took. */
export function runningRow(step: StepView, options: LiveOptions): string {
  const { style, glyphs, nowMs, tick, cells } = options
  const elapsedMs = nowMs - step.startedMs
  const failed = step.counts.failed + step.counts.unreachable
  const measured = step.expected > 1 || step.totalBytes !== undefined
  const bar = measured ? barOf(step.fraction, cells, glyphs) : ''
  const fields: readonly Field[] = [
    { text: bar, paint: style.ok, rank: 8 },
    { text: reachedOf(step), paint: bare, rank: 1 },
    { text: failed === 0 ? '' : `${glyphs.failed} ${failed}`, paint: style.failed, rank: 0 },
    { text: changedOf(step), paint: style.changed, rank: 9 },
    { text: bytesOf(step), paint: bare, rank: 2 },
    { text: rateOf(step, nowMs), paint: bare, rank: 3 },
    { text: etaOf(step, nowMs), paint: bare, rank: 4 },
    { text: slowestText(step, nowMs), paint: style.changed, rank: 5 },
    { text: formatDuration(elapsedMs), paint: style.dim, rank: 6 },
    { text: step.module === step.name ? '' : step.module, paint: style.dim, rank: 10 },
  ]
  const sign = style.changed(glyphs.spinner[tick % glyphs.spinner.length] ?? '')
  const row = { sign, indent: 0, title: step.name, paint: style.heading, fields }
  return rowLine(row, cells, glyphs.ellipsis)
}

/** Rows of the hosts that run longest; none where the step's own row says it all. */
export function hostRows(step: StepView, options: LiveOptions, most: number): readonly string[] {
  const hosts = step.once ? step.parts : step.running
  const { style, glyphs, nowMs, cells } = options
  if (hosts.size < 2) return []
  const slow = firstOf(hosts, most).filter(host => nowMs - host.startedMs >= hostRowsAfterMs)
  const shown = slow.map(host => {
    const fraction = fractionOf(host)
    const fields: readonly Field[] = [
      { text: fraction === 0 ? '' : barOf(fraction, cells, glyphs), paint: style.dim, rank: 3 },
      { text: fraction === 0 ? '' : percent(fraction), paint: bare, rank: 0 },
      { text: itemOf(host), paint: bare, rank: 1 },
      { text: bytesOf(host), paint: bare, rank: 2 },
      { text: formatDuration(nowMs - host.startedMs), paint: style.dim, rank: 1 },
    ]
    const row = { sign: ' ', indent: 1, title: shownHost(host), paint: bare, fields }
    return rowLine(row, cells, glyphs.ellipsis)
  })
  const more = hosts.size - shown.length
  return more === 0 || slow.length < most ? shown : [...shown, style.dim(`   and ${more} more`)]
}

/** The row that stays of a step that is over. */
export function finishedRow(step: StepView, endedMs: number, options: RowOptions): string {
  const { style, glyphs, cells } = options
  const { counts, doneBytes, expected, finished } = step
  const count = (status: StepStatus, word: string): string =>
    counts[status] === 0 ? '' : expected === 1 ? word : `${counts[status]} ${word}`
  const notRun = expected - finished
  const seconds = (endedMs - step.startedMs) / 1000
  const fields: readonly Field[] = [
    { text: count('ok', 'ok'), paint: style.ok, rank: 2 },
    { text: count('changed', 'changed'), paint: style.changed, rank: 2 },
    { text: count('skipped', 'skipped'), paint: style.skipped, rank: 3 },
    { text: count('ignored', 'failed, ignored'), paint: style.changed, rank: 1 },
    { text: count('failed', 'FAILED'), paint: style.failed, rank: 0 },
    { text: count('unreachable', 'UNREACHABLE'), paint: style.failed, rank: 0 },
    { text: notRun > 0 ? `${notRun} not run` : '', paint: style.skipped, rank: 1 },
    { text: doneBytes === 0 ? '' : formatBytes(doneBytes), paint: bare, rank: 5 },
    {
      text: doneBytes < worthRating || seconds < 1 ? '' : `${formatBytes(doneBytes / seconds)}/s`,
      paint: bare,
      rank: 6,
    },
    { text: formatDuration(endedMs - step.startedMs), paint: style.dim, rank: 4 },
    { text: step.module === step.name ? '' : step.module, paint: style.dim, rank: 7 },
  ]
  const row = { sign: signOf(step, options), indent: 0, title: step.name, paint: bare, fields }
  return rowLine(row, cells, glyphs.ellipsis)
}

function signOf({ counts, finished, expected }: StepView, { style, glyphs }: RowOptions): string {
  if (counts.failed + counts.unreachable > 0) return style.failed(glyphs.failed)
  if (counts.ignored > 0 || finished < expected) return style.changed(glyphs.warning)
  if (counts.skipped === finished) return style.skipped(glyphs.skipped)
  return style.ok(glyphs.done)
}

function reachedOf({ expected, finished }: StepView): string {
  return expected <= 1 ? '' : `${finished}/${expected}`
}

function changedOf({ counts }: StepView): string {
  return counts.changed === 0 ? '' : `${counts.changed} changed`
}

function bytesOf({ doneBytes, totalBytes }: Pick<HostView, 'doneBytes' | 'totalBytes'>): string {
  if (totalBytes === undefined || totalBytes < doneBytes) {
    return doneBytes === 0 ? '' : formatBytes(doneBytes)
  }
  const [done, total] = [formatBytes(doneBytes), formatBytes(totalBytes)]
  const unit = total.slice(total.indexOf(' '))
  return `${done.endsWith(unit) ? done.slice(0, -unit.length) : done}/${total}`
}

function rateOf({ rate }: StepView, nowMs: number): string {
  const perSecond = rate.perSecond(nowMs)
  return perSecond === undefined ? '' : `${formatBytes(perSecond)}/s`
}

/** Time left: of bytes at the present rate where their number is known, else by what is through. */
function etaOf(step: StepView, nowMs: number): string {
  const elapsedMs = nowMs - step.startedMs
  if (elapsedMs < estimateAfterMs || step.fraction === 0 || step.fraction === 1) return ''
  const perSecond = step.rate.perSecond(nowMs)
  if (step.totalBytes !== undefined && perSecond !== undefined && perSecond > 0) {
    const leftBytes = Math.max(0, step.totalBytes - step.doneBytes)
    return estimate((leftBytes / perSecond) * 1000)
  }
  return estimate((elapsedMs * (1 - step.fraction)) / step.fraction)
}

/** "In no time" is what the last of many hosts always promises. */
function estimate(leftMs: number): string {
  return leftMs < 1000 ? '' : `eta ${formatDuration(leftMs)}`
}

function slowestText(step: StepView, nowMs: number): string {
  if (nowMs - step.startedMs < impatientAfterMs || step.expected - step.finished === 0) return ''
  const slowest = slowestOf(step)
  if (slowest === undefined) {
    const [waiting] = step.waiting
    return waiting === undefined || step.once ? '' : `waiting for ${waiting}`
  }
  if (step.expected === 1 && !step.once) return itemOf(slowest)
  const fraction = fractionOf(slowest)
  if (fraction === 0) return `slowest ${shownHost(slowest)}`
  return `slowest ${shownHost(slowest)} ${percent(fraction)}`
}

function itemOf({ item }: HostView): string {
  return item === undefined ? '' : `item ${item.at}/${item.of}`
}

function percent(fraction: number): string {
  return `${Math.floor(fraction * 100)}%`
}

function barOf(fraction: number, cells: number, { full, empty }: Glyphs): string {
  const width = cells >= 120 ? 20 : 10
  // Never full before the end.
  const filled = Math.floor(fraction * width)
  return full.repeat(filled) + empty.repeat(width - filled)
}
