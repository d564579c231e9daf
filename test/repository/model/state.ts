import type { Size } from './protocol.ts'

/**
 * A state is a few bytes, one for each field, at most 8 generations of one content: bit g of a set
 * stands for the key of generation g. Registers: writer i has 2i for its backup, 2i+1 for its
 * checkpoint; bit r of `sessions` says that r was announced, bit r+1 of `forgotten` that its
 * manifest is no root (bit 0: the backup that was there from the start, which names generation 0).
 */
export type State = Uint8Array

export const keys = 0
export const forgotten = 1
export const sessions = 2
/** How many plans were published. */
export const plans = 3
/** Bit n-1: plan n is closed. */
export const closed = 4
const head = 5

/** A register that was not set; one that holds a tombstone; from here on, a manifest that names g. */
export const unset = 0
export const revoked = 1
export const manifest = 2

/** Fields of a writer. `reference` is 0, or 1 + the generation it names. */
export const writer = { pc: 0, generation: 1, condemned: 2, reference: 3, puts: 4, checkpoint: 5 }
/** Fields of a vacuum: which plan, and sets of keys and of sessions. */
export const vacuum = { pc: 0, plan: 1, roots: 2, candidates: 3, sessions: 4, deletes: 5 }
const fieldsEach = 6
/** A reader's one field: not begun, between its two looks, reading what it holds, done or revoked. */
export const reader = { start: 0, between: 1, holds: 2, done: 3 }

/** Where the fields of one size lie. */
export interface Layout {
  readonly size: Size
  /** Bytes of a state, a multiple of 4. */
  readonly bytes: number
  /** The candidates of plan n, counted from 1. */
  candidates(n: number): number
  /** 0, or 1 + the set of keys that the seal of plan n says to delete. */
  seal(n: number): number
  register(r: number): number
  readonly registers: number
  writer(i: number): number
  vacuum(j: number): number
  reader(k: number): number
  readonly readers: number
}

export function createLayout(size: Size): Layout {
  const registers = 2 * size.writers
  const seals = head + size.plans
  const firstRegister = seals + size.plans
  const firstWriter = firstRegister + registers
  const firstVacuum = firstWriter + fieldsEach * size.writers
  const firstReader = firstVacuum + fieldsEach * size.vacuums
  const readers = size.readers ?? 0
  const used = firstReader + readers
  return Object.freeze({
    size,
    bytes: Math.ceil(used / 4) * 4,
    candidates: (n: number) => head + n - 1,
    seal: (n: number) => seals + n - 1,
    register: (r: number) => firstRegister + r,
    registers,
    writer: (i: number) => firstWriter + fieldsEach * i,
    vacuum: (j: number) => firstVacuum + fieldsEach * j,
    reader: (k: number) => firstReader + k,
    readers,
  })
}

/** One backup, whose block is there under its plain name. */
export function firstState(layout: Layout): State {
  const state = new Uint8Array(layout.bytes)
  state[keys] = 1
  return state
}

export const field = (state: State, at: number): number => state[at] ?? 0
export const has = (set: number, bit: number): boolean => ((set >> bit) & 1) === 1

const elements: readonly (readonly number[])[] = Array.from({ length: 256 }, (_, set) =>
  [0, 1, 2, 3, 4, 5, 6, 7].filter(bit => has(set, bit)),
)

/** The elements of a set. */
export const members = (set: number): readonly number[] => elements[set] ?? []

/** The keys that live manifests name. */
export function live(layout: Layout, state: State): number {
  const gone = field(state, forgotten)
  let named = has(gone, 0) ? 0 : 1
  for (let r = 0; r < layout.registers; r += 1) {
    const value = field(state, layout.register(r))
    if (value >= manifest && !has(gone, r + 1)) named |= 1 << (value - manifest)
  }
  return named
}

export function isSet(layout: Layout, state: State, r: number): boolean {
  return field(state, layout.register(r)) !== unset
}

/** The candidates of the plan that is open, or none. */
export function condemned(layout: Layout, state: State): number {
  const n = field(state, plans)
  return n === 0 || has(field(state, closed), n - 1) ? 0 : field(state, layout.candidates(n))
}

/** Sessions that are announced and not decided. */
export function undecided(layout: Layout, state: State, among: number): number {
  let left = 0
  for (const r of members(among)) if (!isSet(layout, state, r)) left |= 1 << r
  return left
}
