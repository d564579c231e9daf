import { openCursor } from '../sorter.ts'
import type { BlockLine } from './block-listing.ts'

/**
 * Those of `items` whose line is (`wanted`) or is not among `lines`. Both are sorted; holds one of
 * each, so that it works for any number of blocks.
 */
export async function* join<T>(
  items: AsyncIterable<T>,
  lineOf: (item: T) => BlockLine,
  lines: AsyncIterable<BlockLine>,
  wanted: boolean,
): AsyncIterable<T> {
  const cursor = await openCursor(lines)
  for await (const item of items) {
    const line = lineOf(item)
    while (cursor.value !== undefined && cursor.value < line) await cursor.next()
    if ((cursor.value === line) === wanted) yield item
  }
}
