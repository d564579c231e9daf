import { formatBytes, formatDuration } from '../base/units.ts'
import { fitCells } from '../report/cells.ts'
import type { Style } from '../report/style.ts'

/** How far a command is: what a line of progress says. */
export interface ProgressView {
  /** What the command does, in a word or two: `verify`. */
  readonly title: string
  readonly doneBytes: number
  readonly totalBytes?: number
  readonly perSecond?: number
  readonly elapsedMs: number
  /** What it is at now: a backup, a file. */
  readonly current?: string
}

/** Sooner than this, what is left cannot be told from what is done. */
const estimateAfterMs = 2000

/** The words of a line, the most important first. */
function words(view: ProgressView): readonly string[] {
  const { doneBytes, totalBytes, perSecond } = view
  const done = formatBytes(doneBytes)
  // What was counted before may have grown: more than all is all.
  const total = totalBytes === undefined ? undefined : Math.max(totalBytes, doneBytes)
  const share =
    total === undefined || total === 0 ? '' : `${Math.floor((doneBytes / total) * 100)}%`
  return [
    total === undefined ? done : `${done} of ${formatBytes(total)}`,
    share,
    perSecond === undefined ? '' : `${formatBytes(perSecond)}/s`,
    timeLeft(view, total),
  ].filter(word => word !== '')
}

function timeLeft(
  { doneBytes, perSecond, elapsedMs }: ProgressView,
  total: number | undefined,
): string {
  if (total === undefined || perSecond === undefined || perSecond <= 0) return ''
  if (elapsedMs < estimateAfterMs || doneBytes >= total) return ''
  const leftMs = ((total - doneBytes) / perSecond) * 1000
  return leftMs < 1000 ? '' : `eta ${formatDuration(leftMs)}`
}

/**
 * The line of a terminal, at most that many cells wide: what has no room is left out from the end, the
 * thing at hand first.
 */
export function progressLine(
  view: ProgressView,
  { spin, ellipsis }: { readonly spin: string; readonly ellipsis: string },
  cells: number,
  style: Style,
): string {
  const head = `${spin} ${view.title}`
  let line = head
  for (const word of words(view)) {
    if (line.length + 2 + word.length > cells) break
    line += `  ${word}`
  }
  if (line === head) return fitCells(head, cells, ellipsis)
  const room = cells - line.length - 2
  const current =
    view.current === undefined || room < 8 ? '' : fitCells(view.current, room, ellipsis)
  const painted = `${spin} ${style.heading(view.title)}${line.slice(head.length)}`
  return current === '' ? painted : `${painted}  ${style.dim(current)}`
}

/** The same as a line of a log. */
export function progressText(view: ProgressView): string {
  const current = view.current === undefined ? '' : ` (${view.current})`
  return `${view.title}: ${words(view).join(', ')} after ${formatDuration(view.elapsedMs)}${current}`
}
