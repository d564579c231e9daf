import type { Io } from '../../base/io.ts'

/** Buffers of one size, lent out: what is read and not yet stored is bounded in bytes by them. */
export interface Buffers {
  /** Bytes of each. */
  readonly sizeBytes: number
  /** Waits until one is free. @throws the signal's reason when cancelled */
  take(io: Io): Promise<Uint8Array>
  /** One that is free now, or nothing. */
  takeFree(): Uint8Array | undefined
  /** Gives one back, or the part of it that came back from a worker. */
  give(bytes: Uint8Array): void
}

/** So many buffers, made when they are first needed. */
export function createBuffers(count: number, sizeBytes: number): Buffers {
  const free: Uint8Array[] = []
  const waiting = new Set<(buffer: Uint8Array) => void>()
  let made = 0
  const takeFree = (): Uint8Array | undefined => {
    const known = free.pop()
    if (known !== undefined || made >= count) return known
    made += 1
    // Shared: threads fill it without it being handed back and forth, which would keep the garbage
    // collector busy.
    return Buffer.from(new SharedArrayBuffer(sizeBytes))
  }
  return Object.freeze({
    sizeBytes,
    takeFree,
    take: async io => {
      io.signal.throwIfAborted()
      const known = takeFree()
      if (known !== undefined) return known
      return await new Promise<Uint8Array>((resolve, reject) => {
        const cancel = (): void => {
          waiting.delete(enter)
          reject(io.signal.reason as Error)
        }
        const enter = (buffer: Uint8Array): void => {
          io.signal.removeEventListener('abort', cancel)
          resolve(buffer)
        }
        io.signal.addEventListener('abort', cancel, { once: true })
        waiting.add(enter)
      })
    },
    give: bytes => {
      const whole = Buffer.from(bytes.buffer, 0, sizeBytes)
      const [next] = waiting
      if (next === undefined) free.push(whole)
      else {
        waiting.delete(next)
        next(whole)
      }
    },
  } satisfies Buffers)
}
