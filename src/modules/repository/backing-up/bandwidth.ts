import type { TUnsafe } from 'typebox'
import * as Type from 'typebox'
import { parseBytes } from '../../../base/units.ts'
import type { Storage } from '../../../storage/contract.ts'
import { createThrottle, throttledStorage } from '../../../storage/throttle.ts'
import type { RunContext } from '../../contract.ts'

/** Bytes per second: a number, or text with a unit. */
export function bandwidthArgument(): TUnsafe<number | string> {
  return Type.Unsafe<number | string>({
    anyOf: [
      { type: 'integer', minimum: 1024 },
      { type: 'string', pattern: '^\\d+(\\.\\d+)? ?[KMGT]iB$' },
    ],
    description:
      'The most that is sent to the storage in a second, such as 50MiB; bytes without a unit.',
  })
}

/** The storage, no faster than that where the step says so. */
export function throttledTo(
  bandwidth: number | string | undefined,
  storage: Storage,
  { clock }: Pick<RunContext, 'clock'>,
): Storage {
  if (bandwidth === undefined) return storage
  const bytesPerSecond = typeof bandwidth === 'number' ? bandwidth : parseBytes(bandwidth)
  return throttledStorage(storage, createThrottle(bytesPerSecond, clock))
}
