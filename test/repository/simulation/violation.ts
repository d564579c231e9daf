/** What the simulator holds the repository to. */
export type Invariant =
  /** Every block that a live manifest names is there. */
  | 'loss'
  /** What was stored under a block's name is what the name says. */
  | 'block'
  /** A register takes one value for ever. */
  | 'register'
  /** A manifest lists every block that its files name. */
  | 'manifest'
  /** A live backup restores to what its writer saw. */
  | 'restore'
  /** A pinned backup can be read, a verification finds nothing wrong with what is live. */
  | 'reader'
  /** Without faults everything succeeds, and nothing that could be freed stays. */
  | 'progress'
  /** Nothing fails but in ways that are documented. */
  | 'error'

export interface Violation extends Error {
  readonly invariant: Invariant
}

export function violation(invariant: Invariant, message: string): Violation {
  return Object.assign(new Error(`${invariant}: ${message}`), { invariant })
}

export function isViolation(thrown: unknown): thrown is Violation {
  return thrown instanceof Error && 'invariant' in thrown
}
