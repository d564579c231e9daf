/** A file on this machine, as a worker opens it. */
export interface FileHere {
  readonly path: Uint8Array
  /** A link in the file's place is followed: only for a root, as a walk takes it. */
  readonly follow: boolean
}

/** What tells that a file was changed: a part of what lstat says. */
export interface FileState {
  readonly type: 'file' | 'directory' | 'symlink' | 'other'
  readonly sizeBytes: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly inode: bigint
  /** Of an object: the others but its size then tell nothing. */
  readonly etag?: string
}

/** Bytes in a buffer that was handed in, and what they hash to. */
export interface HashedBytes {
  readonly bytes: Uint8Array
  /** 32 bytes. */
  readonly sha256: Uint8Array
}

/** A range of a file, or why it could not be read; the buffer comes back either way. */
export type RangeRead = HashedBytes | { readonly bytes: Uint8Array; readonly error: string }

/** One of many small files: where it lies in the buffer, or why it could not be read. */
export type SmallRead =
  | {
      readonly at: number
      readonly length: number
      readonly sha256: Uint8Array
      /** What lstat said after it was read; undefined where it is gone. */
      readonly now: FileState | undefined
    }
  | { readonly error: string }

/** Where a part of some bytes goes: into a file that exists, in place of what it holds there. */
export interface PieceHere {
  readonly path: Uint8Array
  /** In the file. */
  readonly offset: number
  /** In the bytes. */
  readonly at: number
  readonly length: number
}

/** Bytes that were written, or the file that could not be, and why; the bytes come back either way. */
export type BytesWritten =
  | { readonly bytes: Uint8Array }
  | { readonly bytes: Uint8Array; readonly failed: Uint8Array; readonly error: string }

/**
 * Hashes, reads what is hashed and writes what was, on all cores. A buffer handed in is not the caller's until one
 * comes back: the same memory. Every call rejects once a worker has crashed.
 */
export interface Workers {
  /** The sha256 of bytes in shared memory, or of bytes that have a buffer of their own. */
  hash(bytes: Uint8Array): Promise<HashedBytes>
  /** A range of a file into the buffer, shorter where the file ends before. */
  readRange(
    buffer: Uint8Array,
    file: FileHere,
    offset: number,
    lengthBytes: number,
  ): Promise<RangeRead>
  /** Whole files, one after the other, each at most one byte longer than it is said to be. */
  readFiles(
    buffer: Uint8Array,
    files: readonly (FileHere & { readonly sizeBytes: number })[],
  ): Promise<{ readonly buffer: Uint8Array; readonly files: readonly SmallRead[] }>
  /** Parts of bytes in shared memory into files, one after the other up to the first that fails. */
  writePieces(bytes: Uint8Array, pieces: readonly PieceHere[]): Promise<BytesWritten>
  /** Ends the threads; what is still under way rejects. */
  close(): Promise<void>
}
