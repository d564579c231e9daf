import type { Clock } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { Storage } from './contract.ts'

/** Lets bytes through at a rate: a token bucket that holds one second's worth. */
export interface Throttle {
  /** Waits until so many bytes may pass; those who come later wait behind. Rejects on abort. */
  take(bytes: number, signal: AbortSignal): Promise<void>
}

/** Bytes per second, shared by all who take from it. */
export function createThrottle(bytesPerSecond: number, clock: Clock): Throttle {
  let tokens = bytesPerSecond
  let filledMs = clock.monotonicMs()
  return Object.freeze({
    take: async (bytes, signal) => {
      signal.throwIfAborted()
      const now = clock.monotonicMs()
      tokens = Math.min(bytesPerSecond, tokens + ((now - filledMs) / 1000) * bytesPerSecond)
      filledMs = now
      // Taken in advance: a block larger than the bucket passes, and the next ones pay for it.
      tokens -= bytes
      if (tokens >= 0) return
      try {
        await clock.sleep((-tokens / bytesPerSecond) * 1000, signal)
      } finally {
        signal.throwIfAborted()
      }
    },
  } satisfies Throttle)
}

/** A storage whose object bytes, sent and received together, keep to a rate. */
export function throttledStorage(storage: Storage, throttle: Throttle): Storage {
  const { getUnchanged } = storage
  return Object.freeze({
    ...storage,
    ...(getUnchanged === undefined
      ? {}
      : {
          getUnchanged: async (...[key, etag, io, range, buffer]) => {
            const bytes = await getUnchanged.call(storage, key, etag, io, range, buffer)
            await throttle.take(bytes.length, io.signal)
            return bytes
          },
        }),
    get: async (key, io, range, buffer) => {
      const bytes = await storage.get(key, io, range, buffer)
      await throttle.take(bytes.length, io.signal)
      return bytes
    },
    put: async (key, bytes, io, sha256) => {
      await throttle.take(bytes.length, io.signal)
      await storage.put(key, bytes, io, sha256)
    },
    putIfAbsent: async (key, bytes, io) => {
      await throttle.take(bytes.length, io.signal)
      return await storage.putIfAbsent(key, bytes, io)
    },
    putStream: (key, source, sizeBytes, io) =>
      storage.putStream(key, throttled(source, throttle, io), sizeBytes, io),
  } satisfies Storage)
}

async function* throttled(
  source: AsyncIterable<Uint8Array>,
  throttle: Throttle,
  io: Io,
): AsyncIterable<Uint8Array> {
  for await (const part of source) {
    await throttle.take(part.length, io.signal)
    yield part
  }
}
