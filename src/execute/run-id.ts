import { compactTime, type RandomBytes } from '../base/clock.ts'

/** `20261121_101500-3fa2c1`: sorts by start, and two runs of one second differ. */
export function newRunId(now: Date, random: RandomBytes): string {
  return `${compactTime(now)}-${Buffer.from(random(3)).toString('hex')}`
}
