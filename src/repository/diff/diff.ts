import type { Io } from '../../base/io.ts'
import { entriesInScope, type FileScope } from '../extract/scope.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import type { Backup, Repository } from '../repository.ts'
import { openCursor } from '../sorter.ts'
import { fileSortKey } from '../validate-files.ts'

/** In what a path differs between two backups. */
export type DifferenceKind = 'type' | 'content' | 'target' | 'mode' | 'owner'

/** One path that differs. */
export interface Difference {
  readonly change: 'added' | 'removed' | 'changed'
  /** In what; empty where one side has nothing. */
  readonly what: readonly DifferenceKind[]
  readonly before: BackupFile | undefined
  readonly after: BackupFile | undefined
}

/**
 * What differs between two backups of a repository, in the order of hosts and paths: both are read
 * once, side by side, in memory that does not grow with them. Times alone are no difference: those of
 * folders change with each file in them.
 * @throws repository.manifest_invalid, repository.block_missing, repository.block_corrupt, storage.*
 */
export async function* diffBackups(
  repo: Repository,
  { a, b }: { readonly a: Backup; readonly b: Backup },
  scope: FileScope,
  io: Io,
): AsyncIterable<Difference> {
  const [before, after] = await Promise.all([
    openCursor(entriesInScope(repo, a, scope, io)),
    openCursor(entriesInScope(repo, b, scope, io)),
  ])
  while (before.value !== undefined || after.value !== undefined) {
    const order = compare(before.value, after.value)
    if (order < 0) {
      yield { change: 'removed', what: [], before: before.value, after: undefined }
      await before.next()
    } else if (order > 0) {
      yield { change: 'added', what: [], before: undefined, after: after.value }
      await after.next()
    } else {
      if (before.value !== undefined && after.value !== undefined) {
        const what = differences(before.value, after.value)
        if (what.length > 0) {
          yield { change: 'changed', what, before: before.value, after: after.value }
        }
      }
      await Promise.all([before.next(), after.next()])
    }
  }
}

/** The end comes after everything. */
function compare(a: BackupFile | undefined, b: BackupFile | undefined): number {
  if (a === undefined) return 1
  if (b === undefined) return -1
  if (a.host === b.host) return Buffer.compare(a.path, b.path)
  return Buffer.compare(fileSortKey(a.host, a.path), fileSortKey(b.host, b.path))
}

function differences(a: BackupFile, b: BackupFile): readonly DifferenceKind[] {
  const kinds: DifferenceKind[] = []
  if (a.type !== b.type) kinds.push('type')
  else if (a.type === BackupFile_Type.SYMLINK) {
    if (Buffer.compare(a.symlinkTarget, b.symlinkTarget) !== 0) kinds.push('target')
  } else if (a.type === BackupFile_Type.FILE && !hasSameContent(a, b)) kinds.push('content')
  if (a.mode !== b.mode) kinds.push('mode')
  if (a.user !== b.user || a.group !== b.group) kinds.push('owner')
  return kinds
}

/** By what the backups know of it: nothing is read. */
function hasSameContent(a: BackupFile, b: BackupFile): boolean {
  if (a.size !== b.size) return false
  if (a.size === 0n) return true
  const [one, other] = [sumOf(a), sumOf(b)]
  if (one !== undefined && other !== undefined) return one === other
  return blocksOf(a) === blocksOf(b)
}

/** The sha256 of a file, where it is known: its own, or the name of a block that is all of it. */
function sumOf({ sha256, blocks, size }: BackupFile): string | undefined {
  if (sha256.length > 0) return Buffer.from(sha256).toString('hex')
  const [only, second] = blocks
  return second === undefined && only?.blockSize === size ? only.blockId : undefined
}

/** Files are cut at the same places: of the same content the blocks are the same. */
function blocksOf({ blocks }: BackupFile): string {
  return blocks.map(({ blockId, offset }) => `${blockId}:${offset}`).join(' ')
}
