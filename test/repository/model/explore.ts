import type { Protocol, Size } from './protocol.ts'
import {
  closed,
  createLayout,
  field,
  firstState,
  forgotten,
  has,
  keys,
  type Layout,
  live,
  manifest,
  plans,
  type State,
} from './state.ts'
import { createStateTable, type StateTable } from './state-table.ts'
import { isReaderLost, stepReader } from './step-reader.ts'
import { stepVacuum } from './step-vacuum.ts'
import { type Emit, stepWriter } from './step-writer.ts'

/** What an exhaustive search came to. */
export interface Exploration {
  /** States seen. */
  readonly states: number
  /** The shortest way to a live manifest whose block is gone; nothing where there is none. */
  readonly loss: readonly string[] | undefined
}

/**
 * Follows every interleaving of the writers, the vacuums and of forgetting, breadth first: one
 * content, any pauses, revocation and forgetting at any time, which is what clocks could do at most.
 */
export function explore(size: Size, protocol: Protocol): Exploration {
  const layout = createLayout(size)
  const table = createStateTable(layout.bytes)
  const state = firstState(layout)
  table.add(state, 0)
  for (let index = 0; index < table.count(); index += 1) {
    table.read(index, state)
    let lost = false
    step(layout, protocol, state, (next, _name) => {
      if (table.add(next, index) && isLost(layout, next)) lost = true
      return lost
    })
    if (lost) return { states: table.count(), loss: wayTo(layout, protocol, table) }
  }
  return { states: table.count(), loss: undefined }
}

/** A live manifest names what is not there, or a reader holds it. */
function isLost(layout: Layout, state: State): boolean {
  return (live(layout, state) & ~field(state, keys)) !== 0 || isReaderLost(layout, state)
}

/** Shows each state that one step leads to, in one piece of memory, until it is enough. */
function step(
  layout: Layout,
  protocol: Protocol,
  state: State,
  show: (next: State, name: string) => boolean,
): void {
  const { writers, vacuums } = layout.size
  const next = new Uint8Array(layout.bytes)
  let enough = false
  let actor = ''
  const emit: Emit = (name, ...changes) => {
    if (enough) return
    next.set(state)
    for (let at = 0; at < changes.length; at += 2) next[changes[at] ?? 0] = changes[at + 1] ?? 0
    enough = show(next, actor + name)
  }
  for (let i = 0; i < writers; i += 1) {
    actor = `writer ${i} `
    stepWriter(layout, protocol, state, i, emit)
  }
  for (let j = 0; j < vacuums; j += 1) {
    actor = `vacuum ${j} `
    stepVacuum(layout, protocol, state, j, emit)
  }
  for (let k = 0; k < layout.readers; k += 1) {
    actor = `reader ${k} `
    stepReader(layout, protocol, state, k, emit)
  }
  actor = 'someone '
  const gone = field(state, forgotten)
  for (let r = -1; r < layout.registers; r += 1) {
    const isThere = r < 0 || field(state, layout.register(r)) >= manifest
    if (isThere && !has(gone, r + 1)) emit('forgets', forgotten, gone | (1 << (r + 1)))
  }
  if (protocol.cancels === true) stepCancel(layout, state, emit)
}

/** Nobody is asked, and no session is waited for: what is sealed empty may be closed at once. */
function stepCancel(layout: Layout, state: State, emit: Emit): void {
  const n = field(state, plans)
  const done = field(state, closed)
  if (n === 0 || has(done, n - 1)) return
  const sealed = field(state, layout.seal(n))
  if (sealed === 0) emit('seals nothing to delete', layout.seal(n), 1)
  else if (sealed === 1) emit('closes what is sealed empty', closed, done | (1 << (n - 1)))
}

/** The names of the steps to the last state of the table. */
function wayTo(layout: Layout, protocol: Protocol, table: StateTable): readonly string[] {
  const names: string[] = []
  const before = new Uint8Array(layout.bytes)
  const after = new Uint8Array(layout.bytes)
  for (let index = table.count() - 1; index > 0; index = table.cameFrom(index)) {
    table.read(index, after)
    table.read(table.cameFrom(index), before)
    step(layout, protocol, before, (next, name) => {
      const found = Buffer.compare(next, after) === 0
      if (found) names.unshift(name)
      return found
    })
  }
  return names
}
