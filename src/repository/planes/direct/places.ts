import type { Io } from '../../../base/io.ts'

/** Numbered places that are taken and given back. */
export interface Places {
  /** Waits for a free place; takes at most so many of those that are free then. */
  take(most: number, io: Io): Promise<readonly number[]>
  give(place: number): void
}

/** So many places, first come first served. */
export function createPlaces(count: number): Places {
  const free = Array.from({ length: count }, (_, index) => index)
  const waiting = new Set<() => void>()
  return Object.freeze({
    take: async (most, io) => {
      while (free.length === 0) await orAborted(io, waiting)
      io.signal.throwIfAborted()
      return free.splice(0, most)
    },
    give: place => {
      free.push(place)
      const [next] = waiting
      if (next === undefined) return
      waiting.delete(next)
      next()
    },
  } satisfies Places)
}

async function orAborted({ signal }: Io, waiting: Set<() => void>): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const cancel = (): void => {
      waiting.delete(enter)
      reject(signal.reason as Error)
    }
    const enter = (): void => {
      signal.removeEventListener('abort', cancel)
      resolve()
    }
    signal.addEventListener('abort', cancel, { once: true })
    waiting.add(enter)
  })
}
