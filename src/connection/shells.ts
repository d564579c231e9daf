import type { Io } from '../base/io.ts'
import type { Session } from './session.ts'
import { openShell, type Shell } from './shell.ts'

/** The shells of one host: one that stays, and others for as long as they are needed. */
export interface Shells {
  /** The long-lived shell, or while that is busy one on a channel of its own. */
  use<T>(io: Io, task: (shell: Shell) => Promise<T>): Promise<T>
  /** A shell for one task: commands with stdin end theirs. */
  useOwn<T>(io: Io, task: (shell: Shell) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export function createShells(session: Session): Shells {
  let primary: Shell | undefined
  let isBusy = false

  const useOwn: Shells['useOwn'] = async (io, task) => {
    const release = await session.slots.take(io.signal)
    try {
      const shell = await openShell(session, io)
      try {
        return await task(shell)
      } finally {
        await shell.close()
      }
    } finally {
      release()
    }
  }

  return Object.freeze({
    useOwn,
    use: async (io, task) => {
      if (isBusy) return await useOwn(io, task)
      isBusy = true
      try {
        if (primary === undefined || !primary.isUsable()) primary = await openShell(session, io)
        return await task(primary)
      } finally {
        isBusy = false
      }
    },
    close: async () => {
      await primary?.close()
      primary = undefined
    },
  } satisfies Shells)
}
