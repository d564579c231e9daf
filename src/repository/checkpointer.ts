import type { Clock } from '../base/clock.ts'
import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { BackupName } from './names.ts'

export interface CheckpointerOptions {
  /** Milliseconds between checkpoints; 10 minutes where nothing is given. */
  readonly everyMs?: number
  readonly clock: Clock
  /** Commits what is stored so far; nothing where that was skipped. */
  make(io: Io): Promise<BackupName | undefined>
  warn(warning: string): void
}

export interface Checkpointer {
  /** Called as work is done. @throws repository.session_revoked, step.cancelled */
  tick(io: Io): Promise<void>
  /** Of the checkpoints made so far. */
  readonly names: readonly BackupName[]
}

const defaultEveryMs = 10 * 60 * 1000

/** Makes a checkpoint when the last one is long enough ago, one at a time. */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  const { clock, make, warn, everyMs = defaultEveryMs } = options
  const names: BackupName[] = []
  let last = clock.monotonicMs()
  let isBusy = false
  return Object.freeze({
    names,
    tick: async (io: Io) => {
      if (isBusy || clock.monotonicMs() - last < everyMs) return
      isBusy = true
      try {
        const name = await make(io)
        if (name !== undefined) names.push(name)
      } catch (error) {
        const failure = asBkpError(error)
        if (io.signal.aborted || failure.code === 'repository.session_revoked') throw error
        // Only what a later run could have continued from is lost.
        warn(`no checkpoint was made: ${failure.message}`)
      } finally {
        last = clock.monotonicMs()
        isBusy = false
      }
    },
  })
}
