import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'

/** One thing that stands against a backup. */
export interface Fault {
  /** The host it is about; none of the cluster as a whole. */
  readonly host?: string
  readonly what: string
  /** What to do about it. */
  readonly hint: string
}

/** What a part of the check found. */
export interface Findings {
  readonly faults: readonly Fault[]
  readonly warnings: readonly string[]
}

export const nothingFound: Findings = Object.freeze({ faults: [], warnings: [] })

/** Several parts as one. */
export function together(parts: readonly Findings[]): Findings {
  return {
    faults: parts.flatMap(({ faults }) => faults),
    warnings: parts.flatMap(({ warnings }) => warnings),
  }
}

/** What went wrong, to be told among other things; not where the step ends, nor faults of bkp itself. */
export function toTell(thrown: unknown, io: Io): BkpError {
  io.signal.throwIfAborted()
  const error = asBkpError(thrown)
  if (error.code === 'internal') throw thrown
  return error
}

/** What was thrown, as a fault. */
export function asFault(error: BkpError, hint: string, host?: string): Fault {
  return { ...(host === undefined ? {} : { host }), what: error.message, hint: error.hint ?? hint }
}

/** Throws all of them at once where there are any. @throws nebula.not_ready */
export function requireNone(cluster: string, faults: readonly Fault[]): void {
  if (faults.length === 0) return
  const lines = faults.map(({ host, what, hint }) => {
    const about = host === undefined ? '' : `${host}: `
    return `  ${about}${what}\n    ${hint}`
  })
  const many = `${faults.length} ${faults.length === 1 ? 'thing stands' : 'things stand'}`
  const head = `cluster "${cluster}" cannot be backed up: ${many} against it`
  throw new BkpError('nebula.not_ready', [head, ...lines].join('\n'), {
    details: { cluster, faults: faults.map(fault => ({ host: null, ...fault })) },
  })
}
