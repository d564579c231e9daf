import type { Protocol } from './protocol.ts'
import { field, forgotten, has, keys, type Layout, reader, type State } from './state.ts'
import type { Emit } from './step-writer.ts'

/** What all readers read: the block of the backup that was there from the start. */
const wanted = 0

/** All that reader k can do next; that a vacuum takes it for dead, too. */
export function stepReader(
  layout: Layout,
  { pinFirst = true }: Protocol,
  state: State,
  k: number,
  emit: Emit,
): void {
  const at = layout.reader(k)
  const place = field(state, at)
  const isForgotten = has(field(state, forgotten), wanted)
  if (place === reader.start) {
    if (pinFirst) emit('pins', at, reader.between)
    else emit('looks', at, isForgotten ? reader.done : reader.between)
  } else if (place === reader.between) {
    if (!pinFirst) emit('pins', at, reader.holds)
    else emit('looks', at, isForgotten ? reader.done : reader.holds)
  }
  if (isPinning(pinFirst, place)) emit('lets go or is revoked', at, reader.done)
}

/** The blocks that readers pin now, as a vacuum sees them. */
export function pinned(
  layout: Layout,
  { pinFirst = true, pins = true }: Protocol,
  state: State,
): number {
  if (!pins) return 0
  for (let k = 0; k < layout.readers; k += 1) {
    if (isPinning(pinFirst, field(state, layout.reader(k)))) return 1 << wanted
  }
  return 0
}

function isPinning(pinFirst: boolean, place: number): boolean {
  return place === reader.holds || (place === reader.between && pinFirst)
}

/** A reader that holds a backup cannot read it. */
export function isReaderLost(layout: Layout, state: State): boolean {
  if (has(field(state, keys), wanted)) return false
  for (let k = 0; k < layout.readers; k += 1) {
    if (field(state, layout.reader(k)) === reader.holds) return true
  }
  return false
}
