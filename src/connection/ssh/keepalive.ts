import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import type { Clock } from '../../base/clock.ts'

/** When a connection counts as dead. */
export interface Keepalive {
  /** Between two questions whether the host is there, in milliseconds. */
  readonly intervalMs: number
  /** So many intervals without a single byte from it are the end. */
  readonly silences: number
}

/** A dead host is found within 30 to 40 seconds. */
export const defaultKeepalive: Keepalive = { intervalMs: 10_000, silences: 3 }

/**
 * Ends a connection on which nothing is heard. ssh2 asks, and would count answers alone: behind much
 * data on a slow line an answer comes late, while the data itself shows that the host is there.
 */
export async function watchSilence(
  client: Client,
  socket: Duplex,
  clock: Clock,
  { intervalMs, silences }: Keepalive,
): Promise<void> {
  const ended = new AbortController()
  client.once('close', () => ended.abort())
  let isHeard = true
  socket.on('data', () => {
    isHeard = true
  })
  // Intervals are counted, not time: a controller that was stopped has heard nothing by its own fault.
  for (let silent = 0; silent < silences; silent = isHeard ? 0 : silent + 1) {
    isHeard = false
    try {
      await clock.sleep(intervalMs, ended.signal)
    } catch {
      return
    }
  }
  const seconds = (intervalMs * silences) / 1000
  client.emit('error', new Error(`nothing was heard of it for ${seconds} s`))
  client.destroy()
  socket.destroy()
}
