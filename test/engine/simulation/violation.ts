/** What the simulator holds the interpreter to. */
export type Invariant =
  /** Nothing owed is forgotten, nothing is settled that need not be. */
  | 'owed'
  /** `always` ran wherever its block began; `rescue` only where something failed. */
  | 'always'
  /** Counters add up, and the exit status follows from them. */
  | 'counters'
  /** One task at a time, each step once, each question asked before its step. */
  | 'order'
  /** The same inputs give the same states, and no state is written to. */
  | 'purity'
  /** A resumed run does what is left, and only that. */
  | 'resume'

export interface Violation extends Error {
  readonly invariant: Invariant
}

export function violation(invariant: Invariant, message: string): Violation {
  return Object.assign(new Error(`${invariant}: ${message}`), { invariant })
}

export function isViolation(thrown: unknown): thrown is Violation {
  return thrown instanceof Error && 'invariant' in thrown
}
