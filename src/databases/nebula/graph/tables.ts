import { BkpError } from '../../../base/errors.ts'
import type { GraphTable, GraphValue } from './contract.ts'

/**
 * The rows of a table as maps by column; the columns that are asked for must be there.
 * @throws nebula.protocol
 */
export function rowsOf<const C extends string>(
  table: GraphTable,
  what: string,
  columns: readonly C[],
): readonly Readonly<Record<C, GraphValue>>[] {
  const at = columns.map(column => {
    const index = table.columns.indexOf(column)
    if (index !== -1) return [column, index] as const
    throw unexpected(what, `has no column "${column}" but ${table.columns.join(', ') || 'none'}`)
  })
  return table.rows.map(row => {
    const cells = at.map(([column, index]) => [column, row[index] ?? null] as const)
    return Object.fromEntries(cells) as Readonly<Record<C, GraphValue>>
  })
}

/** A count of things. @throws nebula.protocol for what is no whole number from 0 on */
export function countOf(value: GraphValue, what: string): number {
  if (typeof value === 'bigint' && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
    return Number(value)
  }
  throw unexpected(what, `has ${describe(value)} where a count belongs`)
}

/** @throws nebula.protocol for what is no text */
export function textOf(value: GraphValue, what: string): string {
  if (typeof value === 'string') return value
  throw unexpected(what, `has ${describe(value)} where text belongs`)
}

/** An answer of graphd that is not of the documented shape. */
export function unexpected(what: string, detail: string): BkpError {
  return new BkpError('nebula.protocol', `${what} ${detail}`, {
    hint: 'bkp knows graphd 2.0 to 3.8; say which version this one is',
  })
}

function describe(value: GraphValue): string {
  if (value === null) return 'nothing'
  return typeof value === 'object' ? 'something else' : `"${String(value)}"`
}
