import { type BackupFile, BackupFile_Type } from './manifest_pb.ts'

const perSecond = 1_000_000_000n
/** The longest tick of what keeps whole seconds: FAT counts in twos. */
const longestTickNs = 2n * perSecond

type Told = Pick<BackupFile, 'type' | 'immutable' | 'etag'>

/** Whether changes of an entry are told by its times alone. */
function isToldByTimes({ type, immutable, etag }: Told): boolean {
  return type === BackupFile_Type.FILE && !immutable && etag === ''
}

/**
 * Whether a file can be written again, after it was read, without its times telling: they are whole seconds
 * (old file systems, a busybox that tells no fractions), and it was changed in the second in which its host
 * was looked at, or later than that by a clock that was set back since. Where times have fractions, a tick is
 * over before anything is read. `beganNs` is the host's time before the walk, in nanoseconds since 1970;
 * without it the source tells changes by more than times.
 */
export function mayChangeUnseen(
  file: Told & Pick<BackupFile, 'ctimeNs'>,
  beganNs: bigint | undefined,
): boolean {
  if (beganNs === undefined || !isToldByTimes(file)) return false
  const { ctimeNs } = file
  return ctimeNs % perSecond === 0n && ctimeNs >= beganNs - longestTickNs
}

/** As the manifest has it: no ctime that a file has equals this one, so the next backup reads it again. */
export function toBeReadAgain(file: BackupFile): BackupFile {
  return { ...file, ctimeNs: 0n }
}

/** Whether a manifest's entry is such a file: that its times are the same says nothing of its content. */
export function isToBeReadAgain(file: BackupFile): boolean {
  // Objects, and what other tools have written, have no inode either.
  return isToldByTimes(file) && file.ctimeNs === 0n && file.inode !== 0n
}
