import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { key } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { createThrottle, throttledStorage } from '../../src/storage/throttle.ts'
import { storageContract } from '../contracts/storage.ts'
import { testClock } from './s3/test-clock.ts'

storageContract('a throttled storage', async () => ({
  storage: throttledStorage(createMemoryStorage(), createThrottle(1_000_000, testClock())),
}))

describe('a throttle', () => {
  it('lets one second pass at once, and then keeps to its rate', async () => {
    const clock = testClock()
    const throttle = createThrottle(1000, clock)
    const { signal } = quietIo
    await throttle.take(1000, signal)
    expect(clock.monotonicMs()).toBe(0)
    for (let taken = 0; taken < 10; taken += 1) await throttle.take(500, signal)
    expect(clock.monotonicMs()).toBe(5000)
  })

  it('lets what is larger than a second pass, and the next one pays for it', async () => {
    const clock = testClock()
    const throttle = createThrottle(1000, clock)
    await throttle.take(8000, quietIo.signal)
    await throttle.take(1, quietIo.signal)
    expect(clock.monotonicMs()).toBe(7001)
  })

  it('counts bytes of all who share it, in both directions', async () => {
    const clock = testClock()
    const throttle = createThrottle(1000, clock)
    const storage = throttledStorage(createMemoryStorage(), throttle)
    const bytes = new Uint8Array(2000)
    await storage.put(key('a'), bytes, quietIo)
    await storage.putIfAbsent(key('b'), bytes, quietIo)
    await storage.get(key('a'), quietIo)
    expect(clock.monotonicMs()).toBe(5000)
  })

  it('stops waiting when it is told to', async () => {
    const controller = new AbortController()
    const clock = {
      ...testClock(),
      sleep: (_milliseconds: number, signal?: AbortSignal) =>
        new Promise<void>((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new Error('AbortError')))
          controller.abort(new Error('stopped'))
        }),
    }
    const taking = createThrottle(1000, clock).take(5000, controller.signal)
    await expect(taking).rejects.toThrow('stopped')
  })
})
