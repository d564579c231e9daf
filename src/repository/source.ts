import type { Io } from '../base/io.ts'

/** One tree to back up on a host. */
export interface SourceRoot {
  /**
   * The logical root: the path itself, or what `as` says. Stays the same from backup to backup;
   * no trailing slash (except `/` itself), no empty, `.` or `..` components.
   */
  readonly root: Uint8Array
  /** The live path on the host. It may be a folder, a file or a symbolic link. */
  readonly source: Uint8Array
  /** `identity: inode`: files never change once written, so ctime does not tell a change. */
  readonly immutable: boolean
}

/** What lstat says of one entry below a root. */
export interface SourceEntry {
  /** Relative to the root, without a leading slash; empty for the root itself. */
  readonly path: Uint8Array
  /** `other`: sockets, devices, pipes; they are reported and left out. */
  readonly type: 'file' | 'directory' | 'symlink' | 'other'
  /** Bytes of a file; whatever the host says for other types. */
  readonly sizeBytes: number
  /** Permission bits, at most 0o7777. */
  readonly mode: number
  /** Owner's name, or the number as text where it has none. */
  readonly user: string
  readonly group: string
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly inode: bigint
  /** Only for symlinks. */
  readonly symlinkTarget?: Uint8Array
}

/**
 * How the bytes of one host reach the repository; a data plane implements it. Reading only.
 * A file that is gone or unreadable is an answer (`error`), a host that is gone is thrown (`ssh.*`).
 */
export interface HostSource {
  /** `inventory_hostname`. */
  readonly host: string
  readonly roots: readonly SourceRoot[]
  /**
   * Everything below a root and the root itself, in any order; never follows a symbolic link below
   * the root, never leaves the root. @throws file.unreadable when the root or a folder cannot be read
   */
  walk(root: SourceRoot, io: Io): AsyncIterable<SourceEntry>
  /**
   * Whole small files (each under 1 MiB when it was walked, together at most 8 MiB), **in the order
   * asked**, one answer each. `bytes` is what was read, however long it turned out to be.
   */
  readFiles(
    root: SourceRoot,
    files: readonly SourceEntry[],
    io: Io,
  ): AsyncIterable<
    | { readonly index: number; readonly bytes: Uint8Array }
    | { readonly index: number; readonly error: Error }
  >
  /**
   * The sha256 (32 bytes) of each `blockBytes` of a file, the last one shorter, in order. Computed
   * on the host where it has the tools. @throws file.unreadable
   */
  hashBlocks(
    root: SourceRoot,
    file: SourceEntry,
    blockBytes: number,
    io: Io,
  ): AsyncIterable<Uint8Array>
  /** A range of a file, in pieces of any size. A short range is no error here: the caller counts. @throws file.unreadable */
  readRange(
    root: SourceRoot,
    file: SourceEntry,
    offset: number,
    lengthBytes: number,
    io: Io,
  ): AsyncIterable<Uint8Array>
  /** lstat again, in the order asked; `undefined` where the entry is gone. Tells a change while reading. */
  stat(
    root: SourceRoot,
    files: readonly SourceEntry[],
    io: Io,
  ): AsyncIterable<{ readonly index: number; readonly entry: SourceEntry | undefined }>
}
