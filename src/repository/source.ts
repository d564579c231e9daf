import type { Clock } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { Key, Storage } from '../storage/contract.ts'
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
  /**
   * Glob patterns, as those of excludes, of the files of an immutable root that are never written again;
   * all without it. Only these may a restore share with what is live.
   */
  readonly immutableFiles?: readonly string[]
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
  /** Of an object, as its storage writes it. It alone, with the size, then tells a change. */
  readonly etag?: string
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

/** A copy of a block on its host, whose bytes nobody changes any more. */
export interface HeldBlock {
  readonly lengthBytes: number
  /** 32 bytes. */
  readonly sha256: Uint8Array
  /**
   * Lets the host send it to the storage, under a key that says so much; resolves once the storage has
   * acknowledged it, and the copy is gone. @throws storage.*, ssh.*
   */
  send(key: Key): Promise<void>
  /** Gives its room back, unless it is being sent. */
  release(): void
}

/** Small files, one behind the other in one block. */
export interface HeldPack extends HeldBlock {
  /** In the order asked; nothing for one that could not be copied. */
  readonly files: readonly (
    | { readonly offset: number; readonly sizeBytes: number; readonly sha256: Uint8Array }
    | undefined
  )[]
}

/** Room on a host for blocks that it sends by itself. */
export interface Outbox {
  /**
   * Copies blocks of a file, by number, and hashes the copies: as many of the first ones as there is
   * room for, one at least. Waits for room. A copy that is shorter says that the file ended.
   * @throws file.unreadable, repository.plane_unavailable where the room is not there after all
   */
  copyBlocks(
    root: SourceRoot,
    file: SourceEntry,
    blocks: readonly number[],
    io: Io,
  ): Promise<readonly HeldBlock[]>
  /**
   * Copies small files, together at most a block when they were walked.
   * @throws repository.plane_unavailable where they must be read another way
   */
  packFiles(root: SourceRoot, files: readonly SourceEntry[], io: Io): Promise<HeldPack>
  /** The sha256 of whole small files; nothing for one that is none any more. @throws file.unreadable */
  hashFiles(
    root: SourceRoot,
    files: readonly SourceEntry[],
    io: Io,
  ): Promise<readonly (Uint8Array | undefined)[]>
  /** Takes note of bytes that went another way, and why. */
  wentRound(bytes: number, why: string): void
  /** Waits until nothing is being sent any more, and gives the room back. Resolves to warnings. */
  close(): Promise<readonly string[]>
}

export interface OutboxOptions {
  readonly storage: Storage
  readonly blockBytes: number
  readonly clock: Clock
  /** The most that this host may send now; nothing where there is no limit. */
  readonly bytesPerSecond: () => number | undefined
}

/**
 * How the bytes of one host reach the repository; a data plane implements it. Reading only.
 * A file that is gone or unreadable is an answer (`error`), a host that is gone is thrown (`ssh.*`).
 */
export interface HostSource {
  /** `inventory_hostname`, or the name of a storage (sources/names.ts). */
  readonly host: string
  readonly roots: readonly SourceRoot[]
  /** Files, or batches of small ones, worth reading at the same time; with 1 all goes in order. */
  readonly filesInFlight: number
  /**
   * The host's own clock, to the second, in nanoseconds since 1970; 0 where it does not tell. Absent where
   * changes are told by more than the times of files. @throws ssh.*
   */
  now?(io: Io): Promise<bigint>
  /**
   * Everything below a root and the root itself, in any order; never follows a symbolic link below
   * the root, never leaves the root. `warn` hears what the reader of a plan and of a result should know.
   * @throws file.unreadable when the root or a folder cannot be read, repository.source_unfit
   */
  walk(root: SourceRoot, io: Io, warn?: (warning: string) => void): AsyncIterable<SourceEntry>
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
  /**
   * Where the host can send to the storage by itself: makes room there. All of it ends with `io`.
   * @throws repository.plane_unavailable, ssh.*
   */
  openOutbox?(options: OutboxOptions, io: Io): Promise<Outbox>
}
