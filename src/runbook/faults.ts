import { BkpError, type BkpErrorOptions, type ErrorCode, type Place } from '../base/errors.ts'

/** Collects the faults of a document, so that all are told at once. */
export interface Faults {
  add(code: ErrorCode, message: string, options?: BkpErrorOptions): void
  /** Takes over an error thrown below: its faults, or itself. */
  take(error: BkpError): void
  readonly list: readonly BkpError[]
}

/** An empty collection of faults. */
export function createFaults(): Faults {
  const list: BkpError[] = []
  return Object.freeze({
    add: (code: ErrorCode, message: string, options: BkpErrorOptions = {}) => {
      list.push(new BkpError(code, message, options))
    },
    take: (error: BkpError) => {
      list.push(...flattenFaults(error))
    },
    list,
  })
}

/** An error as the faults it consists of. */
export function flattenFaults(error: BkpError): readonly BkpError[] {
  return error.faults.length === 0 ? [error] : error.faults.flatMap(flattenFaults)
}

function comparePlaces(a: Place | undefined, b: Place | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}

/** Faults in the order of their places, each said once; those without a place come last. */
function orderFaults(faults: readonly BkpError[]): readonly BkpError[] {
  const seen = new Set<string>()
  return [...faults]
    .sort((a, b) => comparePlaces(a.place, b.place))
    .filter(fault => {
      const place = fault.place
      const key = `${place?.file}:${place?.line}:${place?.column}:${fault.message}`
      if (seen.has(key)) return false
      seen.add(key)
      return true
    })
}

/**
 * Throws what was found, if anything: one fault as itself, several as the faults of a summary.
 * @throws the faults, ordered by their places
 */
export function throwAll(faults: readonly BkpError[], file: string): void {
  const ordered = orderFaults(faults)
  const [first, ...rest] = ordered
  if (first === undefined) return
  if (rest.length === 0) throw first
  throw new BkpError(first.code, `${ordered.length} faults in ${file}`, { faults: ordered })
}
