import type { Io } from '../base/io.ts'

/**
 * Runs work that starts more work, at most so many pieces of it at once. The first failure stops all
 * of it, is waited for to its end, and is thrown. `begin` waits for a free place, with one place for
 * all to the work's end, and throws once something failed.
 */
export async function runSideBySide(
  atOnce: number,
  io: Io,
  main: (begin: (work: () => Promise<void>) => Promise<void>, io: Io) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const ownIo: Io = {
    signal: AbortSignal.any([io.signal, stop.signal]),
    progress: (done, total, part) => io.progress(done, total, part),
  }
  const running = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  const failed = (error: unknown): void => {
    // What the others say once they are stopped is only its echo.
    failure ??= { error }
    stop.abort(error)
  }
  const throwFailure = (): void => {
    if (failure !== undefined) throw failure.error
  }
  const begin = async (work: () => Promise<void>): Promise<void> => {
    while (running.size >= atOnce && failure === undefined) await Promise.race(running)
    throwFailure()
    const run: Promise<void> = work()
      .catch(failed)
      .finally(() => running.delete(run))
    running.add(run)
    if (atOnce === 1) await run
    throwFailure()
  }
  await main(begin, ownIo).catch(failed)
  await Promise.all(running)
  throwFailure()
}
