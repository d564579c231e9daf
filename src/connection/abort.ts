import { setMaxListeners } from 'node:events'
import { BkpError } from '../base/errors.ts'

/** What an aborted operation throws: the signal's own reason where it is one of ours (step.timeout). */
export function abortError(signal: AbortSignal): BkpError {
  return signal.reason instanceof BkpError
    ? signal.reason
    : new BkpError('step.cancelled', 'the step was cancelled', { cause: signal.reason })
}

/** Calls back when the signal aborts; returns what forgets about it. */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  // One signal cancels everything of a run: many listeners are no leak, and no warning.
  setMaxListeners(0, signal)
  signal.addEventListener('abort', act, { once: true })
  return () => signal.removeEventListener('abort', act)
}

/** The promise, or the signal's error as soon as it aborts; the promise is then left to itself. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {})
  if (signal.aborted) throw abortError(signal)
  let forget = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    forget = onAbort(signal, () => reject(abortError(signal)))
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    forget()
  }
}
