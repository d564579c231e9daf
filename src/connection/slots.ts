import { abortError, onAbort } from './abort.ts'

/** So many at a time; the others wait in the order they came. */
export interface Slots {
  /** Waits for a slot. Resolves to what gives it back. @throws step.cancelled */
  take(signal: AbortSignal): Promise<() => void>
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
  const giveOnce = () => {
    let given = false
    return () => {
      if (!given) give()
      given = true
    }
  }
  return Object.freeze({
    take: async (signal: AbortSignal) => {
      if (signal.aborted) throw abortError(signal)
      if (free > 0) {
        free -= 1
        return giveOnce()
      }
      await new Promise<void>((resolve, reject) => {
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
      return giveOnce()
    },
  })
}
