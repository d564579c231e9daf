/**
 * A value that exists only after a step has run. Planning computes with it: whatever needs it is
 * unknown too, except where `||` and `&&` are decided by their other side.
 */
export class Unknown {
  /** Where the value will come from, for messages: `result of "Ask for a backup"`. */
  readonly source: string

  constructor(source: string) {
    this.source = source
  }

  toString(): string {
    return '(known after apply)'
  }

  toJSON(): string {
    return '(known after apply)'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '(known after apply)'
  }
}

/** True when the value or any part of it is unknown. */
export function hasUnknown(value: unknown): boolean {
  if (value instanceof Unknown) return true
  if (Array.isArray(value)) return value.some(hasUnknown)
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    return Object.values(value).some(hasUnknown)
  }
  return false
}
