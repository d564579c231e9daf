import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'

/** Lost connections in a row, nothing having come between them, after which a host counts as lost. */
const mostLosses = 3

/**
 * Goes on with a stream where its connection broke: `open` is called anew with how many items came so
 * far, and gives the ones after them. @throws ssh.lost after three losses in a row without an item
 */
export async function* outlastLosses<T>(
  open: (taken: number) => AsyncIterable<T>,
  io: Io,
): AsyncIterable<T> {
  let taken = 0
  for (let losses = 0; ; ) {
    try {
      for await (const item of open(taken)) {
        taken += 1
        losses = 0
        yield item
      }
      return
    } catch (error) {
      losses += 1
      if (!isLost(error) || losses >= mostLosses || io.signal.aborted) throw error
    }
  }
}

/** As `outlastLosses`, for the bytes of a range: `open` gets how many of them came. */
export async function* outlastLossesOfBytes(
  open: (takenBytes: number) => AsyncIterable<Uint8Array>,
  io: Io,
): AsyncIterable<Uint8Array> {
  let takenBytes = 0
  const pieces = outlastLosses(() => open(takenBytes), io)
  for await (const piece of pieces) {
    // Counted before it is handed on: whoever takes it may be what fails.
    takenBytes += piece.length
    yield piece
  }
}

function isLost(error: unknown): boolean {
  return error instanceof BkpError && error.code === 'ssh.lost'
}
