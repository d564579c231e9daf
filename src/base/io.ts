/** What every operation gets: a signal that ends it, and where to report progress in bytes. */
export interface Io {
  readonly signal: AbortSignal
  progress(doneBytes: number, totalBytes?: number): void
}

/** An Io that nobody cancels and nobody watches. */
export const quietIo: Io = Object.freeze({
  signal: new AbortController().signal,
  progress: () => {},
})
