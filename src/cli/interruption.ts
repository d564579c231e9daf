import { BkpError, exitCodes } from '../base/errors.ts'
import type { Terminal } from './terminal.ts'

/** The signals of one command line. */
export interface Interruptions {
  /**
   * From now on a signal is this caller's to follow, until it stops. While nobody attends there is
   * nothing to be put right, and the first signal leaves at once.
   */
  attend(): Interruption
  /** Takes no more notice of signals. */
  stop(): void
}

/** The signals that someone follows who has something to put right before it leaves. */
export interface Interruption {
  /** Aborts at the first signal: for what may be given up without ado, such as a question. */
  readonly signal: AbortSignal
  /** Who is to be told; what came before is told at once. */
  connect(cancel: (level: 1 | 2) => void): void
  /** @throws step.cancelled once there was a signal */
  throwIfInterrupted(): void
  stop(): void
}

/**
 * Counts SIGINT and SIGTERM: the first ends what runs, the second all but releases, the third leaves at
 * once; the journal knows what is owed then.
 */
export function listenForInterrupts(
  terminal: Pick<Terminal, 'onInterrupt'>,
  leave: (status: number) => void = status => process.exit(status),
): Interruptions {
  let interrupts = 0
  const first = new AbortController()
  const attending = new Set<object>()
  let cancel: ((level: 1 | 2) => void) | undefined
  const level = (): 1 | 2 => (interrupts === 1 ? 1 : 2)
  const listening = terminal.onInterrupt(() => {
    interrupts += 1
    if (interrupts > 2 || attending.size === 0) {
      leave(exitCodes.interrupted)
      return
    }
    first.abort(interrupted())
    cancel?.(level())
  })
  const attend = (): Interruption => {
    const self = {}
    attending.add(self)
    return Object.freeze({
      signal: first.signal,
      connect: (callback: (level: 1 | 2) => void) => {
        cancel = callback
        // The driver connects before it starts: the interpreter takes a signal once it has begun.
        if (interrupts > 0) queueMicrotask(() => callback(level()))
      },
      throwIfInterrupted: () => {
        if (interrupts > 0) throw interrupted()
      },
      stop: () => {
        attending.delete(self)
        if (attending.size === 0) cancel = undefined
      },
    } satisfies Interruption)
  }
  return Object.freeze({ attend, stop: listening.stop } satisfies Interruptions)
}

function interrupted(): BkpError {
  return new BkpError('step.cancelled', 'interrupted', { hint: 'nothing was changed' })
}
