import { abortError, onAbort } from './abort.ts'

/** So many at a time; the others wait in the order they came. */
export interface Slots {
  /**
   * Waits for a slot. Resolves to what gives it back. `wanted` is called whenever others must wait: a
   * holder that only keeps the slot for later gives it back then. @throws step.cancelled
   */
  take(signal: AbortSignal, wanted?: () => void): Promise<() => void>
  /** Somebody waits. */
  isWanted(): boolean
  /** One more of them. */
  add(): void
}

/** A semaphore that a cancelled waiter leaves without taking a slot. */
export function createSlots(count: number): Slots {
  let free = count
  const waiting = new Set<() => void>()
  const give = () => {
    const [next] = waiting
    if (next === undefined) free += 1
    else {
      waiting.delete(next)
      next()
    }
  }
  const holders = new Set<() => void>()
  const giveOnce = (wanted: (() => void) | undefined) => {
    let given = false
    if (wanted !== undefined) holders.add(wanted)
    return () => {
      if (wanted !== undefined) holders.delete(wanted)
      if (!given) give()
      given = true
    }
  }
  return Object.freeze({
    isWanted: () => waiting.size > 0,
    add: give,
    take: async (signal: AbortSignal, wanted?: () => void) => {
      if (signal.aborted) throw abortError(signal)
      if (free > 0) {
        free -= 1
        return giveOnce(wanted)
      }
      const entered = new Promise<void>((resolve, reject) => {
        const forget = onAbort(signal, () => {
          waiting.delete(enter)
          reject(abortError(signal))
        })
        const enter = () => {
          forget()
          resolve()
        }
        waiting.add(enter)
      })
      for (const holder of [...holders]) holder()
      await entered
      return giveOnce(wanted)
    },
  })
}
