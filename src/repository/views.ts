import { pathText } from './logical-path.ts'
import { type BackupFile, BackupFile_Type } from './manifest_pb.ts'

/** One file of `bkp show --json` (design §8). */
export interface FileView {
  readonly host: string
  /** Where the name is not UTF-8, with replacement characters; `path_base64` is then exact. */
  readonly path: string
  readonly path_base64?: string
  readonly type: 'file' | 'directory' | 'symlink'
  /** Bytes. */
  readonly size: number
  /** Permission bits as octal text: `0644`. */
  readonly mode: string
  readonly user: string
  readonly group: string
  /** ISO 8601 UTC with nanoseconds. */
  readonly mtime: string
  readonly target?: string
  readonly target_base64?: string
  /** Block ids, in order. */
  readonly blocks: readonly string[]
}

const typeNames: Readonly<Record<BackupFile_Type, FileView['type']>> = {
  [BackupFile_Type.FILE]: 'file',
  [BackupFile_Type.DIRECTORY]: 'directory',
  [BackupFile_Type.SYMLINK]: 'symlink',
}

/** A file entry as machines read it. */
export function viewFile(file: BackupFile): FileView {
  return {
    host: file.host,
    path: Buffer.from(file.path).toString('utf8'),
    ...(pathText(file.path) === undefined
      ? { path_base64: Buffer.from(file.path).toString('base64') }
      : {}),
    type: typeNames[file.type],
    size: Number(file.size),
    mode: file.mode.toString(8).padStart(4, '0'),
    user: file.user,
    group: file.group,
    mtime: isoTime(file.mtimeNs),
    ...viewTarget(file.symlinkTarget),
    blocks: file.blocks.map(block => block.blockId),
  }
}

function viewTarget(target: Uint8Array): Pick<FileView, 'target' | 'target_base64'> {
  if (target.length === 0) return {}
  const text = Buffer.from(target).toString('utf8')
  return pathText(target) === undefined
    ? { target: text, target_base64: Buffer.from(target).toString('base64') }
    : { target: text }
}

const nanosecondsPerSecond = 1_000_000_000n

/** Nanoseconds since 1970 as ISO 8601 UTC, to the nanosecond: `2025-01-14T20:15:00.000000001Z`. */
export function isoTime(nanoseconds: bigint): string {
  const fraction =
    ((nanoseconds % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond
  const seconds = (nanoseconds - fraction) / nanosecondsPerSecond
  // All of int64 lies within what Date can say.
  const text = new Date(Number(seconds) * 1000).toISOString()
  return `${text.slice(0, -5)}.${String(fraction).padStart(9, '0')}Z`
}
