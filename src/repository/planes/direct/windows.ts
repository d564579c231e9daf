import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { HostWindow } from './window.ts'

/** Connections lost in a row, nothing having worked between them, after which a host counts as lost. */
const mostLosses = 3

/** A window that is opened anew when its connection was lost. */
export interface Windows {
  /** Does something with the window, again with a new one where that was lost. @throws ssh.lost */
  use<T>(work: (window: HostWindow) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export function createWindows(open: () => Promise<HostWindow>, io: Io): Windows {
  let current: Promise<HostWindow> | undefined
  let losses = 0
  const closeOne = async (opening: Promise<HostWindow> | undefined): Promise<void> => {
    const window = await opening?.catch(() => undefined)
    await window?.close()
  }
  return Object.freeze({
    use: async work => {
      for (;;) {
        current ??= open()
        const used = current
        try {
          const done = await work(await used)
          losses = 0
          return done
        } catch (error) {
          const isGone = error instanceof BkpError && error.code === 'ssh.lost'
          if (!isGone || io.signal.aborted) throw error
          if (current === used) {
            losses += 1
            current = undefined
            void closeOne(used)
          }
          if (losses >= mostLosses) throw error
        }
      }
    },
    close: () => closeOne(current),
  } satisfies Windows)
}
