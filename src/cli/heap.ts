import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/** Below that, sweeping often costs more than it saves: a restore of large files took twice the time. */
const largeHeapBytes = 80 * 1024 * 1024

/**
 * Has the heap swept sooner once it is large: by default that of a backup of many files grows to four
 * times what is alive. Looks after each collection of garbage; keeps no process alive.
 */
export function sweepLargeHeapSooner(): void {
  const collections = new PerformanceObserver(() => {
    if (getHeapStatistics().total_heap_size < largeHeapBytes) return
    setFlagsFromString('--heap-growing-percent=50')
    collections.disconnect()
  })
  collections.observe({ entryTypes: ['gc'] })
}
