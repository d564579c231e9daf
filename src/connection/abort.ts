import { BkpError } from '../base/errors.ts'

/** What an aborted operation throws: the signal's own reason where it is one of ours (step.timeout). */
export function abortError(signal: AbortSignal): BkpError {
  return signal.reason instanceof BkpError
    ? signal.reason
    : new BkpError('step.cancelled', 'the step was cancelled', { cause: signal.reason })
}

/** The promise, or the signal's error as soon as it aborts; the promise is then left to itself. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {})
  if (signal.aborted) throw abortError(signal)
  let leave = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(abortError(signal))
    signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
