/** Bytes written to one file before the disk is told to take them. */
const flushBytes = 16 * 1024 * 1024
/** Flushes at the same time; with all of them busy more is left to the next one, or to the end. */
const flushesAtOnce = 2

/** Has the disk work while other bytes are fetched and checked. */
export interface EarlyFlush {
  /** Tells that so many bytes more of a file were written. One file has one object as its path. */
  wrote(path: Uint8Array, bytes: number): void
  /** Waits for what was begun. @throws what a flush throws: the disk may tell of an error but once */
  settled(): Promise<void>
}

/** What is not flushed early is left to whoever syncs the whole at the end. */
export function createEarlyFlush(flush: (path: Uint8Array) => Promise<void>): EarlyFlush {
  const written = new WeakMap<Uint8Array, number>()
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  return Object.freeze({
    wrote: (path, bytes) => {
      const waiting = (written.get(path) ?? 0) + bytes
      const isDue = waiting >= flushBytes && running.size < flushesAtOnce
      written.set(path, isDue ? 0 : waiting)
      if (!isDue) return
      const run: Promise<void> = flush(path)
        .catch((thrown: unknown) => {
          failures.push(thrown)
        })
        .finally(() => running.delete(run))
      running.add(run)
    },
    settled: async () => {
      await Promise.all(running)
      if (failures.length > 0) throw failures[0]
    },
  } satisfies EarlyFlush)
}
