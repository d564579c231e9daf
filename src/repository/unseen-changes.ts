import { type BackupFile, BackupFile_Type } from './manifest_pb.ts'

const perSecond = 1_000_000_000n
/** The longest tick of what keeps whole seconds: FAT counts in twos. */
const longestTickNs = 2n * perSecond

/**
 * Whether a file can be written again, after it was read, without its times telling: they are whole seconds
 * (old file systems, a busybox that tells no fractions), and it was changed in the second in which its host
 * was looked at, or later than that by a clock that was set back since. Where times have fractions, a tick is
 * over before anything is read. `beganNs` is the host's time before the walk, in nanoseconds since 1970;
 * without it the source tells changes by more than times.
 */
export function mayChangeUnseen(
  { type, immutable, etag, ctimeNs }: Pick<BackupFile, 'type' | 'immutable' | 'etag' | 'ctimeNs'>,
  beganNs: bigint | undefined,
): boolean {
  if (beganNs === undefined) return false
  if (type !== BackupFile_Type.FILE || immutable || etag !== '') return false
  return ctimeNs % perSecond === 0n && ctimeNs >= beganNs - longestTickNs
}

/** As the manifest has it: no ctime that a file has equals this one, so the next backup reads it again. */
export function toBeReadAgain(file: BackupFile): BackupFile {
  return { ...file, ctimeNs: 0n }
}

/** Whether a manifest's entry is such a file: that its times are the same says nothing of its content. */
export function isToBeReadAgain(file: BackupFile): boolean {
  const { type, immutable, inode, ctimeNs, etag } = file
  if (type !== BackupFile_Type.FILE || immutable || etag !== '') return false
  // Objects, and what other tools have written, have no inode either.
  return ctimeNs === 0n && inode !== 0n
}
