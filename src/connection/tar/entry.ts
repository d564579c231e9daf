import { BkpError } from '../../base/errors.ts'

/** Everything in a tar archive comes in pieces of this many bytes. */
export const tarBlockBytes = 512

/** One entry to be written. Names and targets are bytes: libraries decode them and lose some. */
export interface TarEntry {
  /** Relative to where the archive is unpacked. */
  readonly path: Uint8Array
  readonly type: 'file' | 'directory' | 'symlink'
  /** Bytes of `content`; 0 for everything but files. */
  readonly sizeBytes: number
  /** Permission bits. */
  readonly mode: number
  readonly mtimeNs: bigint
  readonly user: string
  readonly group: string
  /** Taken where the host does not know the name. */
  readonly uid?: number
  readonly gid?: number
  /** Only for symlinks. */
  readonly target?: Uint8Array
  /** Only for files: exactly `sizeBytes` bytes. */
  readonly content?: AsyncIterable<Uint8Array>
}

/** One entry as it was read. */
export interface UnpackedEntry {
  readonly path: Uint8Array
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other'
  readonly sizeBytes: number
  readonly mode: number
  readonly mtimeNs: bigint
  readonly user: string
  readonly group: string
  readonly uid: number
  readonly gid: number
  /** Of symlinks and hard links. */
  readonly target?: Uint8Array
  /** To be read to its end before the next entry; what was left unread is skipped. */
  readonly content: AsyncIterable<Uint8Array>
}

/** An archive that breaks the format, or ends before its end. */
export function brokenArchive(why: string): BkpError {
  return new BkpError('command.failed', `the tar archive is broken: ${why}`)
}

/** Bytes from `sizeBytes` to the next whole block. */
export function paddingBytes(sizeBytes: number): number {
  return (tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes
}
