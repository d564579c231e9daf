import { escapeControls } from '../base/text.ts'

/** A table for people: columns padded to their widest cell, numbers to the right. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [
    header,
    ...rows.map(row => row.map(cell => escapeControls(cell, { newlines: false }))),
  ]
  const widths = header.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  return all
    .map(row =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function pad(cell: string, width: number): string {
  return /^[\d.]+( [KMGTP]?i?B)?$/.test(cell) ? cell.padStart(width) : cell.padEnd(width)
}
