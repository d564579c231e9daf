/** What every operation gets: a signal that ends it, and where to report progress in bytes. */
export interface Io {
  readonly signal: AbortSignal
  /** `part`: how far the host is that the last bytes were of, in work on several hosts. */
  progress(doneBytes: number, totalBytes?: number, part?: HostProgress): void
}

/** Bytes of one host within the work on several. */
export interface HostProgress {
  readonly host: string
  readonly doneBytes: number
  readonly totalBytes?: number
}

/** An Io that nobody cancels and nobody watches. */
export const quietIo: Io = Object.freeze({
  signal: new AbortController().signal,
  progress: () => {},
})
