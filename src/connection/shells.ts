import type { Io } from '../base/io.ts'
import type { Session } from './session.ts'
import { openShell, type Shell } from './shell.ts'
import type { Slots } from './slots.ts'

/** Places for long-lived shells. */
export type Seats = Pick<Slots, 'take' | 'isWanted'>

/** The shells of one host: one that stays, and others for as long as they are needed. */
export interface Shells {
  /** The long-lived shell, or while that is busy one on a channel of its own. */
  use<T>(io: Io, task: (shell: Shell) => Promise<T>): Promise<T>
  /** A shell for one task: commands with stdin end theirs. */
  useOwn<T>(io: Io, task: (shell: Shell) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** `seats`: the long-lived shell holds one as long as it is open, and leaves it when others need it. */
export function createShells(session: Session, seats?: Seats): Shells {
  let primary: Shell | undefined
  let giveBack = () => {}
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

  const drop = async (): Promise<void> => {
    const shell = primary
    const give = giveBack
    primary = undefined
    giveBack = () => {}
    await shell?.close()
    give()
  }
  const open = async (io: Io): Promise<Shell> => {
    if (seats === undefined) return await openShell(session, io)
    await drop()
    const whenWanted = () => {
      if (!isBusy) void drop()
    }
    const release = await seats.take(io.signal, whenWanted)
    try {
      const shell = await openShell(session, io)
      giveBack = release
      return shell
    } catch (thrown) {
      release()
      throw thrown
    }
  }

  return Object.freeze({
    useOwn,
    use: async (io, task) => {
      if (isBusy) return await useOwn(io, task)
      isBusy = true
      try {
        if (primary === undefined || !primary.isUsable()) primary = await open(io)
        return await task(primary)
      } finally {
        isBusy = false
        if (seats?.isWanted()) void drop()
      }
    },
    close: drop,
  } satisfies Shells)
}
