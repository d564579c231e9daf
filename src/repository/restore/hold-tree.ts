import { asBkpError, BkpError } from '../../base/errors.ts'
import { type Io, quietIo } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import { file } from '../../connection/probes.ts'
import { parentOf } from './live.ts'
import { encodeStageRecord, moveArguments, type StageRecord } from './records.ts'
import { makeHolder, runMoves } from './stage-commands.ts'
import type { StagingPaths } from './staging.ts'

/** Where one target was staged: what swap and its kin are told. */
export interface StagedTree {
  readonly target: string
  readonly staged: string
  readonly old: string
}

/** A tree that is about to be staged, and where it comes from. */
interface HeldTree {
  readonly host: Host
  readonly paths: StagingPaths
  readonly from: Pick<StageRecord, 'id' | 'backup' | 'repository' | 'run'>
}

/**
 * Stages one tree in a holder: made with a record that says "not complete", cleared of what an earlier
 * attempt left, filled by `build`, which also syncs it, and recorded as complete. What fails is removed
 * where the host still answers. @throws restore.*, ssh.*, and whatever `build` throws
 */
export async function holdTree(
  { host, paths, from }: HeldTree,
  io: Io,
  build: () => Promise<void>,
): Promise<StagedTree> {
  const { target, layout } = paths
  const record: StageRecord = { ...from, target, complete: false, inode: '' }
  await makeHolder(host, layout === 'children' ? target : parentOf(target), paths.holder, io)
  try {
    await writeRecord(host, paths.stageRecord, record, io)
    await runMoves(host, 'clear', moveArguments(paths, ''), io)
    await build()
    const { root } = await host.ask({ root: file(paths.staged) }, io)
    const inode = root.kind === 'absent' ? '' : root.inode
    await writeRecord(host, paths.stageRecord, { ...record, complete: true, inode }, io)
  } catch (thrown) {
    await tidy(host, moveArguments(paths, ''), thrown)
    throw thrown
  }
  return { target, staged: paths.staged, old: paths.old }
}

/** Writes what a holder says of its tree, by rename. */
async function writeRecord(host: Host, path: string, record: StageRecord, io: Io): Promise<void> {
  const bytes = encodeStageRecord(record)
  await host.write(path, single(bytes), { mode: '0600' }, io)
}

async function* single(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

/** A full disk beside a running database must not stay full; an interrupted run is taken up instead. */
async function tidy(host: Host, args: readonly string[], thrown: unknown): Promise<void> {
  const { code } = asBkpError(thrown)
  const isInterrupted = code === 'step.cancelled' || code === 'step.timeout' || isAbort(thrown)
  if (isInterrupted || code.startsWith('ssh.') || code === 'restore.conflict') return
  try {
    await runMoves(host, 'discard-staged', args, quietIo)
  } catch (error) {
    // The first error is the one to show; what is left can be discarded, or is cleared by a rerun.
    if (!(error instanceof BkpError)) throw error
  }
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError'
}
