import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { listRegisters } from '../catalogue.ts'
import type { BackupName } from '../names.ts'
import type { WritableRepository } from '../repository.ts'
import { announce, createBeat, endSession, type SessionTools } from '../session.ts'

/** Backups that no vacuum may sweep while this is held. */
export interface HeldBackups {
  /** Why they could not be held: what is read is checked all the same. */
  readonly warning?: string
  /** Those that were forgotten before they were held: their blocks may be gone. */
  readonly forgotten: ReadonlySet<BackupName>
  /** Says that the reader lives. */
  beat(io: Io): Promise<void>
  release(): Promise<void>
}

/** Time to let go, whatever became of the work. */
const releaseMs = 10_000

/** Announces a reader of the backups, then looks which were forgotten. @throws storage.* when reading */
export async function holdBackups(
  repo: WritableRepository,
  names: readonly BackupName[],
  reader: { readonly source: string; readonly pid?: number },
  tools: SessionTools,
  io: Io,
): Promise<HeldBackups> {
  const forgottenNow = async (): Promise<ReadonlySet<BackupName>> => {
    const entries = await listRegisters(repo, io)
    return new Set(entries.flatMap(({ name, forgotten }) => (forgotten ? [name] : [])))
  }
  try {
    const session = await announce(repo, { kind: 'read', ...reader, pins: names }, tools, io)
    return {
      forgotten: await forgottenNow(),
      beat: createBeat(repo, session, tools.clock),
      release: async () => {
        const own: Io = { signal: AbortSignal.timeout(releaseMs), progress: () => {} }
        // A vacuum finds out by itself, too.
        await endSession(repo, session, tools.clock, own).catch(() => {})
      },
    }
  } catch (error) {
    if (io.signal.aborted || !(error instanceof BkpError)) throw error
    return {
      warning: `${repo.url} cannot be written (${error.message}): do not vacuum it meanwhile`,
      forgotten: await forgottenNow(),
      beat: async () => {},
      release: async () => {},
    }
  }
}
