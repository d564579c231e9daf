import type { TUnsafe } from 'typebox'
import * as Type from 'typebox'
import { parseBytes } from '../../../base/units.ts'
import type { Bandwidth } from '../../../repository/bandwidth.ts'
import type { Storage } from '../../../storage/contract.ts'
import { createThrottle, throttledStorage } from '../../../storage/throttle.ts'
import type { RunContext } from '../../contract.ts'

/** Bytes per second: a number, or text with a unit. */
type Rate = number | string

/** As a step says it: for all together, or that and for each host. */
export type BandwidthArgument =
  | Rate
  | { readonly total?: Rate | undefined; readonly per_host?: Rate | undefined }

const rates = [
  { type: 'integer', minimum: 1024 },
  { type: 'string', pattern: '^\\d+(\\.\\d+)? ?[KMGT]iB$' },
] as const

/** The schema of `bandwidth`. */
export function bandwidthArgument(): TUnsafe<BandwidthArgument> {
  return Type.Unsafe<BandwidthArgument>({
    anyOf: [
      ...rates,
      {
        type: 'object',
        properties: {
          total: { anyOf: rates, description: 'Of all hosts together.' },
          per_host: { anyOf: rates, description: 'Of each host.' },
        },
        minProperties: 1,
        additionalProperties: false,
      },
    ],
    description:
      'The most that travels to or from the storage in a second, such as 50MiB; bytes without a unit. { total, per_host } bounds each host, too.',
  })
}

/** The limits in bytes per second. */
export function readBandwidth(argument: BandwidthArgument | undefined): Bandwidth {
  if (argument === undefined) return {}
  const { total, per_host: perHost } =
    typeof argument === 'object' ? argument : { total: argument, per_host: undefined }
  return {
    ...(total === undefined ? {} : { totalBytesPerSecond: bytesOf(total) }),
    ...(perHost === undefined ? {} : { hostBytesPerSecond: bytesOf(perHost) }),
  }
}

function bytesOf(rate: Rate): number {
  return typeof rate === 'number' ? rate : parseBytes(rate)
}

/** The storage, no faster than the total where the step says one. */
export function throttledTo(
  { totalBytesPerSecond }: Bandwidth,
  storage: Storage,
  { clock }: Pick<RunContext, 'clock'>,
): Storage {
  if (totalBytesPerSecond === undefined) return storage
  return throttledStorage(storage, createThrottle(totalBytesPerSecond, clock))
}
