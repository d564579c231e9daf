import type { Protocol } from './protocol.ts'
import {
  closed,
  condemned,
  field,
  has,
  keys,
  type Layout,
  live,
  members,
  plans,
  revoked,
  type State,
  sessions,
  undecided,
  vacuum,
} from './state.ts'
import { pinned } from './step-reader.ts'
import type { Emit } from './step-writer.ts'

/** Places a vacuum can be in, in order; `early`: without `planFirst`; the last two: with readers. */
const pc = {
  start: 0,
  roots: 1,
  early: 2,
  publish: 3,
  list: 4,
  decide: 5,
  reread: 6,
  seal: 7,
  sweep: 8,
  pins: 9,
  pinsAgain: 10,
}

/** All that vacuum j can do next. */
export function stepVacuum(
  layout: Layout,
  protocol: Protocol,
  state: State,
  j: number,
  emit: Emit,
): void {
  const at = layout.vacuum(j)
  const n = field(state, at + vacuum.plan)
  const candidates = field(state, at + vacuum.candidates)
  switch (field(state, at)) {
    case pc.start:
      start(layout, state, at, emit)
      break
    case pc.roots: {
      const older = protocol.generations ? (1 << n) - 1 : 0xff
      const found = field(state, keys) & older & ~field(state, at + vacuum.roots)
      const next = protocol.planFirst ? pc.publish : pc.early
      emit('lists the blocks', at, next, at + vacuum.candidates, found)
      break
    }
    case pc.early:
    case pc.list: {
      const waiting = undecided(layout, state, field(state, sessions))
      const next = field(state, at) === pc.early ? pc.publish : pc.decide
      emit('lists the sessions', at, next, at + vacuum.sessions, waiting)
      break
    }
    case pc.publish: {
      const next = protocol.planFirst ? pc.list : pc.decide
      if (field(state, plans) !== n - 1) emit('finds that its plan came late', at, pc.start)
      else emit('publishes its plan', at, next, plans, n, layout.candidates(n), candidates)
      break
    }
    case pc.decide: {
      const waiting = undecided(layout, state, field(state, at + vacuum.sessions))
      if (waiting === 0 || !protocol.tombstones) emit('waits no more', at, pc.reread)
      else for (const r of members(waiting)) emit('revokes a session', layout.register(r), revoked)
      break
    }
    case pc.pins: {
      const roots = field(state, at + vacuum.roots) | pinned(layout, protocol, state)
      emit('reads the pins', at, pc.roots, at + vacuum.roots, roots)
      break
    }
    case pc.reread: {
      const roots = protocol.reread ? live(layout, state) : field(state, at + vacuum.roots)
      const next = layout.readers > 0 ? pc.pinsAgain : pc.seal
      emit('reads the manifests again', at, next, at + vacuum.deletes, candidates & ~roots)
      break
    }
    case pc.pinsAgain: {
      const left = field(state, at + vacuum.deletes) & ~pinned(layout, protocol, state)
      emit('reads the pins again', at, pc.seal, at + vacuum.deletes, left)
      break
    }
    case pc.seal:
      seal(layout, protocol, state, at, emit)
      break
    default:
      sweep(state, at, n, emit)
  }
}

function seal(layout: Layout, protocol: Protocol, state: State, at: number, emit: Emit): void {
  const place = layout.seal(field(state, at + vacuum.plan))
  const sealed = field(state, place)
  const own = field(state, at + vacuum.deletes)
  if (!protocol.seal) emit('seals nothing', at, pc.sweep)
  else if (sealed > 0) emit('adopts the seal', at, pc.sweep, at + vacuum.deletes, sealed - 1)
  else emit('seals', at, pc.sweep, place, 1 + own)
}

function start(layout: Layout, state: State, at: number, emit: Emit): void {
  const n = field(state, plans)
  if (n > 0 && !has(field(state, closed), n - 1)) {
    const adopted = condemned(layout, state)
    emit('adopts the plan', at, pc.list, at + vacuum.plan, n, at + vacuum.candidates, adopted)
  } else if (n < layout.size.plans) {
    const roots = live(layout, state)
    const next = layout.readers > 0 ? pc.pins : pc.roots
    emit('reads the manifests', at, next, at + vacuum.plan, n + 1, at + vacuum.roots, roots)
  }
}

function sweep(state: State, at: number, n: number, emit: Emit): void {
  const deletes = field(state, at + vacuum.deletes)
  for (const g of members(deletes)) {
    const kept = field(state, keys) & ~(1 << g)
    emit('deletes', at + vacuum.deletes, deletes & ~(1 << g), keys, kept)
  }
  if (deletes !== 0) return
  const places = [0, 1, 2, 3, 4, 5].flatMap(place => [at + place, 0])
  emit('closes', ...places, closed, field(state, closed) | (1 << (n - 1)))
}
