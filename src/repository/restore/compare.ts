import { formatBytes } from '../../base/units.ts'
import { relativeTo, showPath } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import type { SourceEntry } from '../source.ts'
import { isToBeReadAgain } from '../unseen-changes.ts'
import { follow } from './sorted-tree.ts'
import { allocated, allocationBytes } from './space.ts'

/** What lies at a path now, against what the backup says should. */
export type Verdict =
  /** Equal in all that is compared. */
  | 'unchanged'
  /** Equal content, other mode, owner or time. */
  | 'metadata'
  /** Equal type and size, another mtime or one that tells nothing: the content has to be hashed. */
  | 'unsure'
  | 'changed'
  /** Nothing is there. */
  | 'added'

const typeNames: Readonly<Record<BackupFile_Type, SourceEntry['type']>> = {
  [BackupFile_Type.FILE]: 'file',
  [BackupFile_Type.DIRECTORY]: 'directory',
  [BackupFile_Type.SYMLINK]: 'symlink',
}

/** What can be set on a host, and is compared there. */
export interface HostAbilities {
  /** Files can be given to their owners. */
  readonly owners: boolean
  /** Times are set to the nanosecond; otherwise to the second, and those of links not at all. */
  readonly nanoseconds: boolean
}

/**
 * Compares one entry with what is there. Only what can be set on the host counts.
 * Pure; of an `unsure` file only its bytes can tell.
 */
export function compareEntry(
  file: BackupFile,
  live: SourceEntry | undefined,
  can: HostAbilities,
): Verdict {
  if (live === undefined) return 'added'
  if (live.type !== typeNames[file.type]) return 'changed'
  switch (file.type) {
    case BackupFile_Type.SYMLINK:
      if (Buffer.compare(live.symlinkTarget ?? new Uint8Array(), file.symlinkTarget) !== 0) {
        return 'changed'
      }
      // The permission bits of a symbolic link mean nothing and cannot be set.
      return sameTime(file, live, can) && sameOwner(file, live, can) ? 'unchanged' : 'metadata'
    case BackupFile_Type.FILE:
      if (BigInt(live.sizeBytes) !== file.size) return 'changed'
      if (!sameTime(file, live, can)) return file.size === 0n ? 'metadata' : 'unsure'
      break
    default:
      if (!sameTime(file, live, can)) return 'metadata'
  }
  return live.mode === file.mode && sameOwner(file, live, can) ? 'unchanged' : 'metadata'
}

/**
 * As `compareEntry`, of a tree that others write: a file that its times call the same is `unsure` where they
 * do not tell.
 */
export function compareLive(
  file: BackupFile,
  live: SourceEntry | undefined,
  can: HostAbilities,
): Verdict {
  const verdict = compareEntry(file, live, can)
  const trustsTimes = verdict === 'unchanged' || verdict === 'metadata'
  return trustsTimes && file.size > 0n && isToBeReadAgain(file) ? 'unsure' : verdict
}

const perSecond = 1_000_000_000n

function sameTime(file: BackupFile, live: SourceEntry, can: HostAbilities): boolean {
  if (live.mtimeNs === file.mtimeNs) return true
  if (can.nanoseconds) return false
  return live.type === 'symlink' || live.mtimeNs === file.mtimeNs - (file.mtimeNs % perSecond)
}

function sameOwner(file: BackupFile, live: SourceEntry, { owners }: HostAbilities): boolean {
  return !owners || (live.user === file.user && live.group === file.group)
}

/** What would change at one target. Counts are exact; lines are for the reader of a plan. */
export interface Difference {
  readonly unchanged: number
  readonly metadata: number
  readonly changed: number
  readonly added: number
  /** Entries that are there now and will not be. */
  readonly removed: number
  /** Bytes of files whose content is fetched from the repository. */
  readonly fetchBytes: number
  /** Room the staged tree takes: fetched files, copies, folders; hard links take none. */
  readonly needBytes: number
  /** `changed 000012.sst 1.2 MiB`, in the order of paths; at most `lineLimit` and what was left out. */
  readonly lines: readonly string[]
}

/** Lines a plan shows of one target. */
const lineLimit = 20

/** A file that only hashing can judge. */
export interface Unsure {
  readonly file: BackupFile
  readonly live: SourceEntry
}

export interface CompareInput {
  /** Entries of the target, in the order of their paths. */
  readonly entries: AsyncIterable<BackupFile>
  /** The part of the backup that becomes the target: what the entries' paths begin with. */
  readonly subtree: Uint8Array
  /** What is there now, in the order of relative paths. */
  readonly live: AsyncIterable<SourceEntry>
  readonly can: HostAbilities
  /** Of a mount point: it stays, and making the holder in it changes its mtime. */
  readonly ignoreRootTime: boolean
  /** Whether each file holds what the backup says, in order. */
  sameContent(files: readonly Unsure[]): Promise<readonly boolean[]>
}

/** Files hashed at a time. */
const hashBatch = 256

/** Compares a target with the backup, both sorted: memory does not grow with the number of files. */
export async function compareTree(input: CompareInput): Promise<Difference> {
  const tally = createTally()
  const live = follow(input.live, entry => tally.remove(entry))
  let unsure: Unsure[] = []
  const settle = async (): Promise<void> => {
    const same = await input.sameContent(unsure)
    for (const [at, { file, live: now }] of unsure.entries()) {
      const path = relativeTo(file.path, input.subtree)
      const isAsBefore = compareEntry(file, now, input.can) === 'unchanged'
      if (same[at] === true) tally.add(file, path, isAsBefore ? 'unchanged' : 'metadata', now)
      else tally.add(file, path, 'changed')
    }
    unsure = []
  }
  for await (const file of input.entries) {
    const path = relativeTo(file.path, input.subtree)
    const there = await live.at(path)
    const now =
      input.ignoreRootTime && path.length === 0 && there !== undefined
        ? { ...there, mtimeNs: file.mtimeNs }
        : there
    const verdict = compareLive(file, now, input.can)
    if (verdict === 'unsure' && now !== undefined) unsure.push({ file, live: now })
    else tally.add(file, path, verdict, now)
    if (unsure.length >= hashBatch) await settle()
  }
  if (unsure.length > 0) await settle()
  await live.finish()
  return tally.finish()
}

/**
 * Whether a restore may share an unchanged file with the live tree by a hard link. Another file of the same
 * size and time, such as a MANIFEST that a checkpoint copied within one tick of the clock, will be
 * written to: only the very file that was backed up is shared.
 */
export function canShare(file: BackupFile, live: SourceEntry | undefined): boolean {
  return file.immutable && live?.inode === file.inode
}

/** Whether putting the backup in place would change anything. */
export function differs(difference: Difference): boolean {
  return difference.metadata + difference.changed + difference.added + difference.removed > 0
}

function createTally(): {
  add(file: BackupFile, path: Uint8Array, verdict: Verdict, live?: SourceEntry): void
  remove(entry: SourceEntry): void
  finish(): Difference
} {
  const counts = { unchanged: 0, metadata: 0, changed: 0, added: 0, removed: 0 }
  let fetchBytes = 0
  let needBytes = 0
  const lines: { readonly path: Uint8Array; readonly text: string }[] = []
  const note = (path: Uint8Array, text: string): void => {
    lines.push({ path, text })
    // Twice the limit, then the lowest: sorting at each line would cost more.
    if (lines.length >= 4 * lineLimit) {
      lines.sort(byPath)
      lines.length = lineLimit
    }
  }
  return {
    add: (file, path, verdict, live) => {
      const kind = verdict === 'unsure' ? 'changed' : verdict
      counts[kind] += 1
      const size = file.type === BackupFile_Type.FILE ? Number(file.size) : 0
      const fetched = kind === 'changed' || kind === 'added'
      if (fetched) fetchBytes += size
      if (fetched || kind === 'metadata' || !canShare(file, live)) {
        needBytes += allocated(size)
      }
      if (file.type === BackupFile_Type.DIRECTORY) needBytes += allocationBytes
      if (kind !== 'unchanged') note(path, `${kind} ${describe(file, path)}`)
    },
    remove: entry => {
      counts.removed += 1
      const size = entry.type === 'file' ? ` ${formatBytes(entry.sizeBytes)}` : ''
      const slash = entry.type === 'directory' ? '/' : ''
      note(entry.path, `removed ${showName(entry.path)}${slash}${size}`)
    },
    finish: () => {
      const shown = lines.sort(byPath).slice(0, lineLimit)
      const all = counts.metadata + counts.changed + counts.added + counts.removed
      const more = all - shown.length
      return {
        ...counts,
        fetchBytes,
        needBytes,
        lines: [...shown.map(({ text }) => text), ...(more > 0 ? [`... and ${more} more`] : [])],
      }
    },
  }
}

function byPath(
  a: { readonly path: Uint8Array; readonly text: string },
  b: { readonly path: Uint8Array; readonly text: string },
): number {
  return Buffer.compare(a.path, b.path) || (a.text < b.text ? -1 : 1)
}

function describe(file: BackupFile, path: Uint8Array): string {
  switch (file.type) {
    case BackupFile_Type.DIRECTORY:
      return `${showName(path)}/`
    case BackupFile_Type.SYMLINK:
      return `${showName(path)} -> ${showPath(file.symlinkTarget)}`
    default:
      return `${showName(path)} ${formatBytes(Number(file.size))}`
  }
}

function showName(path: Uint8Array): string {
  return path.length === 0 ? '.' : showPath(path)
}
