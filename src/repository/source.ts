import type { Io } from '../base/io.ts'
import type { Buffers } from './workers/buffers.ts'
import type { FileState, Workers } from './workers/contract.ts'

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

/** What reading needs: buffers to read into, and workers that hash. */
export interface ReadTools {
  readonly workers: Workers
  readonly buffers: Buffers
}

/** A small file as it was read, or why it was not. */
export type SmallFile =
  | {
      readonly bytes: Uint8Array
      /** 32 bytes. */
      readonly sha256: Uint8Array
      /** What lstat says after reading, where the plane has it at once; null where it is gone. */
      readonly now?: FileState | null
    }
  | { readonly error: Error }

/** Small files, in the order asked, one answer each. */
export interface SmallFiles {
  readonly files: readonly SmallFile[]
  /** Gives the buffer back in which their bytes lie: to be called once they are not needed any more. */
  release(): void
}

/** A block of a file in a buffer of its own. */
export interface SourceBlock {
  /** 0 for the first block of the range. */
  readonly index: number
  readonly bytes: Uint8Array
  /** 32 bytes. */
  readonly sha256: Uint8Array
  /** Gives the buffer back: to be called once the bytes are not needed any more. */
  release(): void
}

/**
 * How the bytes of one host reach the repository; a data plane implements it. Reading only.
 * A file that is gone or unreadable is an answer (`error`), a host that is gone is thrown (`ssh.*`).
 */
export interface HostSource {
  /** `inventory_hostname`. */
  readonly host: string
  readonly roots: readonly SourceRoot[]
  /** Files, or batches of small ones, worth reading at the same time; with 1 all goes in order. */
  readonly filesInFlight: number
  /**
   * Everything below a root and the root itself, in any order; never follows a symbolic link below
   * the root, never leaves the root. @throws file.unreadable when the root or a folder cannot be read
   */
  walk(root: SourceRoot, io: Io): AsyncIterable<SourceEntry>
  /**
   * Whole small files (each under 1 MiB when it was walked, together at most 8 MiB). `bytes` is what
   * was read, however long it turned out to be.
   */
  readFiles(
    root: SourceRoot,
    files: readonly SourceEntry[],
    tools: ReadTools,
    io: Io,
  ): Promise<SmallFiles>
  /**
   * The sha256 (32 bytes) of each `blockBytes` of a file, the last one shorter, in order, computed on
   * the host. Absent where reading costs no more than that. @throws file.unreadable
   */
  hashBlocks?(
    root: SourceRoot,
    file: SourceEntry,
    blockBytes: number,
    io: Io,
  ): AsyncIterable<Uint8Array>
  /**
   * A range of a file as blocks, the last one shorter, in any order; read ahead as far as there are
   * buffers. A range that ends early is no error here: the caller counts. @throws file.unreadable
   */
  readBlocks(
    root: SourceRoot,
    file: SourceEntry,
    range: { readonly offset: number; readonly lengthBytes: number; readonly blockBytes: number },
    tools: ReadTools,
    io: Io,
  ): AsyncIterable<SourceBlock>
  /** lstat again, in the order asked; `undefined` where the entry is gone. Tells a change while reading. */
  stat(
    root: SourceRoot,
    files: readonly SourceEntry[],
    io: Io,
  ): AsyncIterable<{ readonly index: number; readonly entry: FileState | undefined }>
}
