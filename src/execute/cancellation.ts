import { setMaxListeners } from 'node:events'
import { BkpError } from '../base/errors.ts'
import type { Part } from '../engine/protocol.ts'

/** Which steps a signal ends: after a first one what cleans up goes on, after a second only releases. */
export interface Cancellation {
  signalFor(part: Part): AbortSignal
  cancel(level: 1 | 2): void
}

export function createCancellation(): Cancellation {
  const first = new AbortController()
  const second = new AbortController()
  const never = new AbortController()
  // All steps of a run listen to these: no leak, and no warning.
  setMaxListeners(0, first.signal, second.signal, never.signal)
  const signals: Readonly<Record<Part, AbortSignal>> = {
    main: first.signal,
    rescue: first.signal,
    always: second.signal,
    rollback: second.signal,
    release: never.signal,
  }
  return Object.freeze({
    signalFor: (part: Part) => signals[part],
    cancel: (level: 1 | 2) => {
      const reason = new BkpError('step.cancelled', 'the run was interrupted', {
        hint: 'bkp resume goes on with it, bkp abort settles what it owes',
      })
      first.abort(reason)
      if (level === 2) second.abort(reason)
    },
  } satisfies Cancellation)
}
