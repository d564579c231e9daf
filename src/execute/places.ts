import type { PerformRequest } from './driver.ts'

/** What of a request says how many may be under way beside it. */
type Asking = { readonly ref: Pick<PerformRequest['ref'], 'step'> } & Pick<
  PerformRequest,
  'throttle'
>

/** A place among the steps under way. */
export interface Place {
  leave(): void
}

/** The steps under way at a time: of a run, and of each task with a throttle. First come, first served. */
export interface Places {
  take(request: Asking): Promise<Place>
  /** Goes on where the step before it is done; nobody comes in between, unless a throttle says so. */
  goOn(place: Place, request: Asking): Promise<Place>
}

/** So many places. */
export function createPlaces(forks: number): Places {
  const run = createSemaphore(forks)
  const tasks = new Map<string, Semaphore>()
  const held = new WeakMap<Place, Semaphore>()

  const throttleOf = ({ ref, throttle }: Asking): Semaphore | undefined => {
    if (throttle === undefined || throttle < 1) return undefined
    const key = `${ref.step}\n${throttle}`
    const known = tasks.get(key) ?? createSemaphore(throttle)
    tasks.set(key, known)
    return known
  }
  const placed = (throttle: Semaphore | undefined): Place => {
    const place = Object.freeze({
      leave: () => {
        throttle?.give()
        run.give()
      },
    })
    if (throttle !== undefined) held.set(place, throttle)
    return place
  }

  const take = async (request: Asking): Promise<Place> => {
    const throttle = throttleOf(request)
    // In this order: whoever waits for a throttle must not hold a place that others could use.
    await throttle?.take()
    await run.take()
    return placed(throttle)
  }

  return Object.freeze({
    take,
    goOn: async (place, request) => {
      const before = held.get(place)
      const throttle = throttleOf(request)
      if (before === throttle) return place
      if (throttle === undefined || throttle.tryTake()) {
        before?.give()
        return placed(throttle)
      }
      place.leave()
      return await take(request)
    },
  } satisfies Places)
}

interface Semaphore {
  tryTake(): boolean
  take(): Promise<void>
  give(): void
}

function createSemaphore(count: number): Semaphore {
  let free = count
  const waiting: (() => void)[] = []
  const tryTake = (): boolean => {
    if (free === 0) return false
    free -= 1
    return true
  }
  return {
    tryTake,
    take: async () => {
      if (tryTake()) return
      await new Promise<void>(resolve => waiting.push(resolve))
    },
    give: () => {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    },
  }
}
