import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { BackupName } from './names.ts'
import type { WritableRepository } from './repository.ts'
import {
  createBeat,
  type PinnedBackup,
  pinBackup,
  type SessionTools,
  sayFarewell,
} from './session.ts'

/** Who reads, for people and vacuums that look at the session. */
export interface Reader extends SessionTools {
  readonly controller: string
  readonly pid?: number
  /** Told where no vacuum was kept away. */
  warn(warning: string): void
}

/**
 * Reads a backup that no vacuum may sweep meanwhile: pins it, gives signs of life while the work makes
 * progress, lets go however it ends. A storage that may only be read is no hindrance: in a disaster
 * what counts is the restore, and every block is checked anyway. @throws what the work throws
 */
export async function whilePinned<T>(
  repo: WritableRepository,
  name: BackupName,
  reader: Reader,
  io: Io,
  work: (io: Io) => Promise<T>,
): Promise<T> {
  const pinned = await tryToPin(repo, name, reader, io)
  if (pinned === undefined) return await work(io)
  if (pinned.forgotten) {
    reader.warn(`backup ${name} was forgotten: a vacuum may have deleted blocks of it already`)
  }
  const beat = createBeat(repo, pinned.session, reader.clock)
  const beating: Io = {
    ...io,
    progress: (...words) => {
      io.progress(...words)
      // A beat is a hint: one that cannot be given harms nothing.
      beat(io).catch(() => {})
    },
  }
  try {
    return await work(beating)
  } finally {
    await sayFarewell(repo, pinned.session, reader.clock)
  }
}

async function tryToPin(
  repo: WritableRepository,
  name: BackupName,
  reader: Reader,
  io: Io,
): Promise<PinnedBackup | undefined> {
  try {
    return await pinBackup(repo, name, reader.controller, reader, io, reader.pid)
  } catch (error) {
    if (io.signal.aborted) throw error
    reader.warn(
      `backup ${name} is not held against vacuums (${asBkpError(error).message}): let none run until this is done`,
    )
    return undefined
  }
}
