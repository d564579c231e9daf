import { cellWidth, fitCells, padCells } from '../cells.ts'

/** One thing a row says. */
export interface Field {
  readonly text: string
  readonly paint: (text: string) => string
  /** Fields of low rank stay longest where the row is narrow. */
  readonly rank: number
}

export interface Row {
  /** One cell, painted already. */
  readonly sign: string
  /** Columns before the sign. */
  readonly indent: number
  readonly title: string
  readonly paint: (text: string) => string
  /** In the order they are shown; empty ones are left out. */
  readonly fields: readonly Field[]
}

/** A title is cut to this before a field is left out. */
const shortestTitle = 16
/** Titles share a column up to this width, so that fields stand under each other. */
const widestColumn = 44
const gap = '  '

/** A row that fits into that many cells: fields are left out by rank, then the title is cut. */
export function rowLine(row: Row, cells: number, ellipsis: string): string {
  const room = cells - row.indent - 2
  const title = cellWidth(row.title)
  const kept = keepFields(row.fields, room - Math.min(title, shortestTitle))
  const left = room - kept.reduce((sum, field) => sum + cellOf(field), 0)
  const shared = Math.min(widestColumn, Math.floor(cells * 0.35)) - row.indent
  const column = Math.min(left, Math.max(title, shared))
  const fitted = fitCells(row.title, Math.max(1, column), ellipsis)
  const padding = kept.length === 0 ? '' : padCells(fitted, column).slice(fitted.length)
  const fields = kept.map(({ text, paint }) => gap + paint(text)).join('')
  return `${' '.repeat(row.indent)}${row.sign} ${row.paint(fitted)}${padding}${fields}`
}

function keepFields(fields: readonly Field[], room: number): readonly Field[] {
  const kept = new Set<Field>()
  let left = room
  for (const field of fields.filter(({ text }) => text !== '').sort((a, b) => a.rank - b.rank)) {
    if (cellOf(field) > left) continue
    left -= cellOf(field)
    kept.add(field)
  }
  return fields.filter(field => kept.has(field))
}

function cellOf({ text }: Field): number {
  return gap.length + cellWidth(text)
}
