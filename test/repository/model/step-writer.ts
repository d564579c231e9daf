import type { Protocol } from './protocol.ts'
import {
  condemned,
  field,
  has,
  isSet,
  keys,
  type Layout,
  live,
  manifest,
  members,
  plans,
  type State,
  sessions,
  writer,
} from './state.ts'

/** Takes what a step changes, as (place, value) pairs, and what the step is called. */
export type Emit = (name: string, ...changes: readonly number[]) => void

/** Places a writer can be in. */
const pc = { start: 0, second: 1, choose: 2, upload: 3, stored: 4, done: 5 }
/** Places its checkpoint can be in. */
const ck = { start: 0, announced: 1, looked: 2, ready: 3, done: 4 }

/** All that writer i can do next. */
export function stepWriter(
  layout: Layout,
  protocol: Protocol,
  state: State,
  i: number,
  emit: Emit,
): void {
  const at = layout.writer(i)
  const own = 2 * i
  const place = field(state, at + writer.pc)
  if (place === pc.start || place === pc.second) {
    if (protocol.announceFirst === (place === pc.start)) {
      emit('announces', at, place + 1, sessions, field(state, sessions) | (1 << own))
    } else {
      const generation = protocol.generations ? field(state, plans) : 0
      const open = condemned(layout, state)
      emit(
        'reads the plans',
        at,
        place + 1,
        at + writer.generation,
        generation,
        at + writer.condemned,
        open,
      )
    }
  } else if (place === pc.choose) {
    const known = protocol.reuseByManifest ? live(layout, state) : field(state, keys)
    const pool = known & ~field(state, at + writer.condemned)
    for (const g of members(pool)) {
      emit('reuses a block', at, pc.stored, at + writer.reference, g + 1)
    }
    const generation = field(state, at + writer.generation)
    if (pool === 0) emit('must upload', at, pc.upload, at + writer.reference, generation + 1)
  } else if (place === pc.upload || place === pc.stored) {
    const reference = field(state, at + writer.reference) - 1
    const stored = field(state, keys) | (1 << reference)
    if (place === pc.upload) emit('puts', at, pc.stored, at + writer.puts, 1, keys, stored)
    else {
      // A request that was sent twice arrives twice, the second time whenever it likes.
      const again = field(state, at + writer.puts) === 1
      if (again) emit('puts late', at + writer.puts, 2, keys, stored)
      stepCheckpoint(layout, protocol, state, i, emit)
      if (isSet(layout, state, own)) emit('finds its register set', at, pc.done)
      else emit('commits', at, pc.done, layout.register(own), manifest + reference)
    }
  }
}

function stepCheckpoint(
  layout: Layout,
  { checkpoints }: Protocol,
  state: State,
  i: number,
  emit: Emit,
): void {
  if (checkpoints === undefined) return
  const at = layout.writer(i)
  const place = field(state, at + writer.checkpoint)
  const to = at + writer.checkpoint
  const own = 2 * i + 1
  const reference = field(state, at + writer.reference) - 1
  const commit = (): void => {
    if (isSet(layout, state, own)) emit('is refused its checkpoint', to, ck.done)
    else emit('commits a checkpoint', to, ck.done, layout.register(own), manifest + reference)
  }
  if (checkpoints === 'no-session') {
    if (place === ck.start) commit()
    return
  }
  const isCondemned = (): boolean => has(condemned(layout, state), reference)
  const isOver = (): boolean => isSet(layout, state, 2 * i)
  const looks = {
    'plans-register': [isCondemned, isOver],
    'register-plans': [isOver, isCondemned],
    plans: [isCondemned],
    nothing: [() => false],
  }[checkpoints]
  if (place === ck.start) {
    emit('announces a checkpoint', to, ck.announced, sessions, field(state, sessions) | (1 << own))
    return
  }
  const look = looks[place - ck.announced]
  if (place >= ck.announced && place < ck.announced + looks.length && look !== undefined) {
    emit('looks before its checkpoint', to, look() ? ck.done : place + 1)
  } else if (place === ck.announced + looks.length) commit()
}
