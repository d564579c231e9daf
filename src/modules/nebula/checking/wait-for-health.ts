import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatDuration } from '../../../base/units.ts'
import type { MetaReader } from '../../../databases/nebula/contract.ts'
import type { ClusterState } from '../../../databases/nebula/topology/state.ts'
import { type Expected, type Look, lookAtHealth } from './look-at-health.ts'

const pauseMs = 2000

/** A cluster that was found whole. */
export interface Health {
  readonly state: ClusterState
  readonly warnings: readonly string[]
}

/**
 * Looks until nothing is missing; once at least. A look that takes longer than what is left is ended.
 * @throws nebula.not_ready with all that is missing, when the time is over
 */
export async function waitForHealth(
  reader: MetaReader,
  expected: Expected,
  wait: { readonly cluster: string; readonly timeoutMs: number; readonly clock: Clock },
  io: Io,
): Promise<Health> {
  const { clock, timeoutMs } = wait
  const start = clock.monotonicMs()
  let last: Look | undefined
  for (;;) {
    const leftMs = timeoutMs - (clock.monotonicMs() - start)
    if (leftMs <= 0 && last !== undefined) throw notReady(wait.cluster, last.missing, timeoutMs)
    const look = await within(clock, Math.max(leftMs, pauseMs), io, own =>
      lookAtHealth(reader, expected, own),
    )
    last = look ?? last ?? { missing: ['the metads do not answer in time'], warnings: [] }
    if (look?.state !== undefined && look.missing.length === 0) {
      return { state: look.state, warnings: look.warnings }
    }
    const nowLeftMs = timeoutMs - (clock.monotonicMs() - start)
    if (nowLeftMs > 0) await clock.sleep(Math.min(pauseMs, nowLeftMs), io.signal)
  }
}

/** Undefined where it was not done in that time. */
export async function within<T>(
  clock: Clock,
  milliseconds: number,
  io: Io,
  work: (io: Io) => Promise<T>,
): Promise<T | undefined> {
  const over = new AbortController()
  const done = new AbortController()
  const signal = AbortSignal.any([io.signal, over.signal])
  const alarm = clock.sleep(milliseconds, AbortSignal.any([io.signal, done.signal])).then(
    () => over.abort(),
    () => undefined,
  )
  try {
    return await work({ ...io, signal })
  } catch (error) {
    if (over.signal.aborted && !io.signal.aborted) return undefined
    throw error
  } finally {
    done.abort()
    await alarm
  }
}

function notReady(cluster: string, missing: readonly string[], timeoutMs: number): BkpError {
  const lines = missing.map(each => `  ${each}`)
  const head = `cluster "${cluster}" is not whole after ${formatDuration(timeoutMs)}:`
  return new BkpError('nebula.not_ready', [head, ...lines].join('\n'), {
    hint: 'see the logs of the services that are named, or give it a longer timeout',
    details: { cluster, missing },
  })
}
