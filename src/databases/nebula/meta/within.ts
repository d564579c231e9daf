import type { Clock } from '../../../base/clock.ts'
import type { BkpError } from '../../../base/errors.ts'
import { abortError, onAbort, orAbort } from '../../../connection/abort.ts'

/**
 * Runs something for at most that many milliseconds; its signal aborts with `late` then, or with the
 * reason of the given one.
 */
export async function within<T>(
  limit: {
    readonly clock: Clock
    readonly milliseconds: number
    readonly signal: AbortSignal
    readonly late: () => BkpError
  },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, milliseconds, signal, late } = limit
  if (signal.aborted) throw abortError(signal)
  const ours = new AbortController()
  const over = new AbortController()
  const forget = onAbort(signal, () => ours.abort(abortError(signal)))
  clock.sleep(milliseconds, over.signal).then(
    () => ours.abort(late()),
    () => {},
  )
  try {
    return await orAbort(run(ours.signal), ours.signal)
  } finally {
    forget()
    over.abort()
  }
}
