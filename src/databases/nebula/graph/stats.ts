import type { Fingerprint } from '../backup-metadata.ts'
import type { GraphTable } from './contract.ts'
import { countOf, rowsOf, textOf, unexpected } from './tables.ts'

/**
 * What SHOW STATS says of a space: rows of Tag, Edge and Space (`vertices`, `edges`). Kinds of rows that
 * a later version adds are left out.
 * @throws nebula.protocol
 */
export function readStats(table: GraphTable): Fingerprint {
  const tags: [string, number][] = []
  const edgeTypes: [string, number][] = []
  const totals = new Map<string, number>()
  for (const row of rowsOf(table, 'SHOW STATS', ['Type', 'Name', 'Count'])) {
    const name = textOf(row.Name, 'SHOW STATS')
    const count = countOf(row.Count, 'SHOW STATS')
    if (row.Type === 'Tag') tags.push([name, count])
    else if (row.Type === 'Edge') edgeTypes.push([name, count])
    else if (row.Type === 'Space') totals.set(name, count)
  }
  const vertices = totals.get('vertices')
  const edges = totals.get('edges')
  if (vertices === undefined || edges === undefined) {
    throw unexpected('SHOW STATS', 'does not say how many vertices and edges the space has')
  }
  return {
    vertices,
    edges,
    tags: Object.fromEntries(tags),
    edgeTypes: Object.fromEntries(edgeTypes),
  }
}
