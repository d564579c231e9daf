import type { Clock } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import { createThrottle, type Throttle } from '../storage/throttle.ts'
import type { BlockWriter } from './blocks.ts'

/** The most that a backup may send, in bytes per second. */
export interface Bandwidth {
  /** All hosts and this process together; what passes here is held to it by the storage itself. */
  readonly totalBytesPerSecond?: number
  readonly hostBytesPerSecond?: number
}

/** A bandwidth, shared among the hosts that are backed up at the same time. */
export interface Shares {
  /** What a host may send now that sends by itself. It grows as other hosts end. */
  readonly bytesPerSecond: () => number | undefined
  /** What holds back the blocks of a host that are sent from here; nothing where nothing must. */
  throttle(): Throttle | undefined
  /** One host fewer is under way or waits. */
  ended(): void
}

/** Shares out a bandwidth so that the sum of all hosts keeps to the total, whichever way bytes go. */
export function shareBandwidth(
  { totalBytesPerSecond: total, hostBytesPerSecond: ofHost }: Bandwidth,
  options: {
    readonly hosts: number
    readonly hostsAtOnce: number
    /** Some host sends by itself: past the storage's own limit. */
    readonly somePass: boolean
    readonly clock: Clock
  },
): Shares {
  const { hosts, hostsAtOnce, somePass, clock } = options
  let left = hosts
  const least = (rates: readonly (number | undefined)[]): number | undefined => {
    const known = rates.filter(rate => rate !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }
  const share = (among: number): number | undefined =>
    total === undefined ? undefined : total / Math.max(1, Math.min(hostsAtOnce, among))
  return Object.freeze({
    bytesPerSecond: () => least([share(left), ofHost]),
    throttle: () => {
      // A throttle has one rate: the share of the host while most are there.
      const rate = least([somePass ? share(hosts) : undefined, ofHost])
      return rate === undefined ? undefined : createThrottle(rate, clock)
    },
    ended: () => {
      left -= 1
    },
  } satisfies Shares)
}

/** A writer whose new blocks keep to a rate: whoever stores one waits afterwards. */
export function throttledWriter(writer: BlockWriter, throttle: Throttle, io: Io): BlockWriter {
  return Object.freeze({
    ...writer,
    store: async (bytes, id) => {
      const { length } = bytes
      const written = await writer.store(bytes, id)
      if (written.isNew) await throttle.take(length, io.signal)
      return written
    },
  } satisfies BlockWriter)
}
