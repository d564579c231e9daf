import type { Unknown } from './unknown.ts'

/**
 * Thrown where an expression reads an unknown value. CEL's `||`, `&&`, `all` and `exists` absorb an
 * error that the other side decides; everything else lets it through. It is no EvaluationError, so
 * that `.?` does not take an unknown field for an absent one.
 */
export class UnknownSignal extends Error {
  readonly unknown: Unknown

  constructor(unknown: Unknown) {
    super('a value is not known yet')
    this.unknown = unknown
  }
}

/** The unknown values read so far; evaluation is synchronous, so a mark tells which part read them. */
const touched: Unknown[] = []

/** Records that an unknown value was needed, and ends the reading. */
export function touch(unknown: Unknown): never {
  touched.push(unknown)
  throw new UnknownSignal(unknown)
}

/** The present moment, to be asked about later. */
export function markTouches(): number {
  return touched.length
}

/** An unknown value read since the mark, if any: an error after it may not happen with the real value. */
export function touchedSince(mark: number): Unknown | undefined {
  return touched[mark]
}

/** Forgets what was read since: the outcome is known not to depend on it, or is unknown as a whole. */
export function forgetTouches(mark: number): void {
  touched.length = mark
}
