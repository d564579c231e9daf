import { exitCodes } from '../base/errors.ts'
import type { Terminal } from './terminal.ts'

/** The signals of one run, from before it takes anything until it has let go of all of it. */
export interface Interruption {
  /** Who is to be told; what came before is told at once. */
  connect(cancel: (level: 1 | 2) => void): void
  stop(): void
}

/**
 * Counts SIGINT and SIGTERM: the first ends what runs, the second all but releases, the third leaves at
 * once; the journal knows what is owed then.
 */
export function listenForInterrupts(terminal: Pick<Terminal, 'onInterrupt'>): Interruption {
  let interrupts = 0
  let cancel: ((level: 1 | 2) => void) | undefined
  const listening = terminal.onInterrupt(() => {
    interrupts += 1
    if (interrupts > 2) process.exit(exitCodes.interrupted)
    cancel?.(interrupts === 1 ? 1 : 2)
  })
  return Object.freeze({
    connect: (callback: (level: 1 | 2) => void) => {
      cancel = callback
      // The driver connects before it starts: the interpreter takes a signal once it has begun.
      if (interrupts > 0) queueMicrotask(() => callback(interrupts === 1 ? 1 : 2))
    },
    stop: listening.stop,
  } satisfies Interruption)
}
