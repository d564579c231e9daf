import type { Clock } from '../../../base/clock.ts'
import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatDuration } from '../../../base/units.ts'
import { pauses } from '../serving/work.ts'

/** How long to try, in milliseconds, and by which clock. */
export interface Patience {
  readonly clock: Clock
  readonly timeoutMs: number
}

/** Whether metads may answer otherwise in a moment: those that have just started, or elect. */
export function mayPass({ code }: BkpError): boolean {
  return code.startsWith('nebula.') && code !== 'nebula.version'
}

/**
 * Tries until it works or the time is over; `what` says what is missing until then.
 * @throws nebula.not_ready with the last reason; at once what no waiting mends
 */
export async function until(
  { clock, timeoutMs }: Patience,
  what: string,
  io: Io,
  attempt: () => Promise<void>,
): Promise<void> {
  const startedMs = clock.monotonicMs()
  const pause = pauses(clock, io)
  for (;;) {
    try {
      await attempt()
      return
    } catch (thrown) {
      io.signal.throwIfAborted()
      const error = asBkpError(thrown)
      if (!mayPass(error)) throw error
      const elapsedMs = clock.monotonicMs() - startedMs
      if (elapsedMs >= timeoutMs) {
        const message = `${what} after ${formatDuration(elapsedMs)}: ${error.message}`
        throw new BkpError('nebula.not_ready', message, {
          cause: error,
          hint: error.hint ?? 'see the logs of the metads, below install_dir/logs (--log_dir)',
          details: error.details,
        })
      }
    }
    await pause()
  }
}
