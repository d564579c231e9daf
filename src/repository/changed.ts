import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { plainEtag } from '../storage/etag.ts'
import { joinPath, showPath } from './logical-path.ts'
import type { HostSource, SourceEntry, SourceRoot } from './source.ts'
import type { FileState } from './workers/contract.ts'

/** A file did not stay as it was while it was read. */
export function sourceChanged(
  host: string,
  root: SourceRoot,
  file: SourceEntry,
  what: string,
): BkpError {
  const path = showPath(joinPath(root.root, file.path))
  return new BkpError('repository.source_changed', `${host}:${path} ${what} while it was read`, {
    hint: 'back up a snapshot or a checkpoint that does not change, exclude the file, or run again',
    details: { host, path },
  })
}

/** How a file differs from what the walk saw, or nothing. */
export function changeOf(
  before: SourceEntry,
  now: FileState | undefined,
  root: SourceRoot,
): string | undefined {
  if (now === undefined) return 'vanished'
  if (now.type !== 'file') return 'became something else'
  if (now.sizeBytes < before.sizeBytes) return 'shrank'
  if (now.sizeBytes > before.sizeBytes) return 'grew'
  if (before.etag !== undefined) {
    return plainEtag(before.etag) === plainEtag(now.etag) ? undefined : 'was written'
  }
  if (now.inode !== before.inode) return 'was replaced'
  if (now.mtimeNs !== before.mtimeNs) return 'was written'
  // Immutable files get and lose hard links while they are read.
  if (!root.immutable && now.ctimeNs !== before.ctimeNs) return 'was changed'
  return undefined
}

/** Asks again after reading. Resolves to one answer for each file, in order. */
export async function changesOf(
  source: HostSource,
  root: SourceRoot,
  files: readonly SourceEntry[],
  io: Io,
): Promise<readonly (string | undefined)[]> {
  const changes = new Map<number, string | undefined>()
  for await (const { index, entry } of source.stat(root, files, io)) {
    const before = files[index]
    if (before !== undefined) changes.set(index, changeOf(before, entry, root))
  }
  return files.map((file, index) => {
    if (changes.has(index)) return changes.get(index)
    throw new BkpError('internal', `${source.host}: no answer for ${showPath(file.path)}`)
  })
}
