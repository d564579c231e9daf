import type { Io } from '../../../base/io.ts'
import { isRecord } from '../../../base/json.ts'
import type { Dropping } from '../dropping/drop.ts'
import { dropNew } from '../dropping/drop-new.ts'

/**
 * What an apply that was cut off left is dropped before the next begins: nobody else knows of it
 * (specs/nebula.md §2.0, 7). `left` is its intent. Says what was done.
 */
export async function tidyUpBefore(
  dropping: Dropping,
  left: unknown,
  kind: 'backup' | 'snapshot',
  io: Io,
): Promise<readonly string[]> {
  const existing = isRecord(left) ? left['existing'] : undefined
  if (!Array.isArray(existing)) return []
  const { dropped, lifted } = await dropNew(dropping, new Set(existing.map(String)), kind, {
    liftsWrites: 'unless_whole',
    io,
  })
  return [
    ...(dropped === undefined ? [] : [`${dropped.name}, of the attempt before, was dropped`]),
    ...(lifted ? ['writes that it may have left blocked were let go'] : []),
  ]
}
