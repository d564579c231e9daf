import type { Recap } from '../events/events.ts'
import { cellWidth, padCells } from './cells.ts'
import type { Style } from './style.ts'

const counters = [
  'ok',
  'changed',
  'unreachable',
  'failed',
  'skipped',
  'rescued',
  'ignored',
] as const

/**
 * The closing table: one line a host, counters in Ansible's order. Where that is wider than `width`,
 * counters that are 0 for all are left out.
 */
export function recapLines(
  recap: Readonly<Record<string, Recap>>,
  style: Style,
  width = Number.POSITIVE_INFINITY,
): readonly string[] {
  const rows = Object.entries(recap)
  const named = Math.max(...rows.map(([host]) => cellWidth(host)), 0)
  const isWide = rows.some(([, row]) => named + wholeCells(row) > width)
  const shown = isWide ? counters.filter(name => rows.some(([, row]) => row[name] > 0)) : counters
  return rows.map(([host, row]) => {
    const cells = shown.map(name => paint(name, row[name], style)).join('  ')
    return `${padCells(host, named)}  ${cells}`
  })
}

function wholeCells(row: Recap): number {
  return counters.reduce((sum, name) => sum + `  ${name}=${row[name]}`.length, 0)
}

function paint(name: (typeof counters)[number], count: number, style: Style): string {
  const text = `${name}=${count}`
  if (count === 0) return style.dim(text)
  if (name === 'failed' || name === 'unreachable') return style.failed(text)
  if (name === 'changed' || name === 'rescued' || name === 'ignored') return style.changed(text)
  return name === 'ok' ? style.ok(text) : style.skipped(text)
}
