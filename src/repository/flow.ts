import type { Clock } from '../base/clock.ts'

/** How many transfers are under way at the same time: found out while they run. */
export interface Flow {
  /** So many at once, now. */
  limit(): number
  /** Called when a transfer is done, with its bytes. */
  moved(bytes: number): void
}

/** Transfers at once; a window is as long as it takes to move so many. */
export interface FlowBounds {
  readonly least: number
  readonly first: number
  readonly most: number
}

const defaultBounds: FlowBounds = { least: 2, first: 4, most: 16 }
/** Transfers of a window, for each one that is under way: fewer would measure chance. */
const roundsPerWindow = 4
/** A rate that differs by less tells nothing. */
const noise = 0.05

/** Always the same number. */
export function steadyFlow(count: number): Flow {
  return Object.freeze({ limit: () => count, moved: () => {} })
}

/**
 * Climbs: one more at a time as long as that moves more bytes a second, one less as soon as it moves
 * fewer. A disk settles at few, a distant object store at many, without anyone setting a number.
 */
export function adaptiveFlow(clock: Pick<Clock, 'monotonicMs'>, bounds = defaultBounds): Flow {
  let limit = bounds.first
  let step = 1
  let rate: number | undefined
  let began = clock.monotonicMs()
  let bytesMoved = 0
  let transfers = 0
  return Object.freeze({
    limit: () => limit,
    moved: bytes => {
      bytesMoved += bytes
      transfers += 1
      if (transfers < limit * roundsPerWindow) return
      const now = clock.monotonicMs()
      const current = bytesMoved / Math.max(1, now - began)
      if (rate !== undefined && current < rate * (1 - noise)) step = -step
      // Where more gains nothing, fewer do the same with less memory.
      else if (rate !== undefined && current < rate * (1 + noise)) step = -1
      limit = Math.min(bounds.most, Math.max(bounds.least, limit + step))
      if (limit === bounds.least) step = 1
      rate = current
      began = now
      bytesMoved = 0
      transfers = 0
    },
  } satisfies Flow)
}
