import type { Clock } from '../../src/base/clock.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'

/** A memory storage that dates its objects by a clock of the test's, and tells no time itself. */
export function storageByClock(clock: Pick<Clock, 'now'>): Storage {
  const inner = createMemoryStorage()
  const written = new Map<string, Date>()
  return Object.freeze({
    ...inner,
    put: async (key, bytes, io, sha256) => {
      await inner.put(key, bytes, io, sha256)
      written.set(key, clock.now())
    },
    putIfAbsent: async (key, bytes, io) => {
      const outcome = await inner.putIfAbsent(key, bytes, io)
      if (outcome === 'created') written.set(key, clock.now())
      return outcome
    },
    list: async function* (prefix, io, after) {
      for await (const info of inner.list(prefix, io, after)) {
        yield { ...info, modified: written.get(info.key) ?? info.modified }
      }
    },
  } satisfies Storage)
}
