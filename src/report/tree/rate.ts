/** Bytes a second over the last seconds. */
export interface Rate {
  observe(bytes: number, atMs: number): void
  /** Undefined until there is something to tell it from. */
  perSecond(nowMs: number): number | undefined
}

/** How far back the rate looks: long enough to be calm, short enough to show a stall. */
const windowMs = 10_000
/** Samples nearer to each other than this are one. */
const spacingMs = 250
/** Shorter spans say nothing. */
const shortestMs = 1000

/** A rate that forgets what is older than its window; it keeps a bounded number of samples. */
export function createRate(startedMs: number): Rate {
  let samples: { readonly atMs: number; readonly bytes: number }[] = [{ atMs: startedMs, bytes: 0 }]
  let latest = 0
  return Object.freeze({
    observe: (bytes, atMs) => {
      latest = bytes
      const last = samples.at(-1)
      if (last !== undefined && atMs - last.atMs < spacingMs) return
      samples.push({ atMs, bytes })
      const keep = samples.findIndex(sample => sample.atMs >= atMs - windowMs)
      if (keep > 0) samples = samples.slice(keep)
    },
    perSecond: nowMs => {
      const first = samples.find(sample => sample.atMs >= nowMs - windowMs) ?? samples.at(-1)
      if (first === undefined || latest === 0 || nowMs - first.atMs < shortestMs) return undefined
      return ((latest - first.bytes) / (nowMs - first.atMs)) * 1000
    },
  } satisfies Rate)
}
