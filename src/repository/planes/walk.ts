import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { output, type TreeEntry, walkTree } from '../../connection/probes.ts'
import { isHolderName } from '../restore/staging.ts'
import type { SourceEntry, SourceRoot } from '../source.ts'

/**
 * Everything below a root, by a scan of the host: the same on every plane. Folders in which a
 * restore keeps its staged and old trees are left out. @throws file.unreadable, ssh.*
 */
export async function* walkRoot(
  host: ReadOnlyHost,
  root: SourceRoot,
  io: Io,
): AsyncIterable<SourceEntry> {
  for await (const entry of host.scan(walkTree({ root: root.source }), io)) {
    if (!isInHolder(entry.path)) yield sourceEntry(entry)
  }
}

/** What the host's clock says, as a source tells it: times of its files are by that one. @throws ssh.* */
export async function timeOf(host: ReadOnlyHost, io: Io): Promise<bigint> {
  const { now } = await host.ask({ now: output('date', '+%s') }, io)
  const seconds = /^\d{1,12}$/.exec(now.stdout.trim())?.[0]
  return BigInt(seconds ?? 0) * 1_000_000_000n
}

/** An entry as the repository takes it. */
export function sourceEntry(entry: TreeEntry): SourceEntry {
  const { path, type, sizeBytes, mode, user, group, mtimeNs, ctimeNs, inode, target } = entry
  return {
    path,
    type,
    sizeBytes,
    mode,
    user,
    group,
    mtimeNs,
    ctimeNs,
    inode,
    ...(target === undefined ? {} : { symlinkTarget: target }),
  }
}

const holderMark = Buffer.from('.bkp-')

// The kept trees of restores would be backed up again and again, and be restored with their records.
function isInHolder(path: Uint8Array): boolean {
  const bytes = Buffer.from(path.buffer, path.byteOffset, path.byteLength)
  if (!bytes.includes(holderMark)) return false
  return bytes.toString('latin1').split('/').some(isHolderName)
}
