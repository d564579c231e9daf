import { compileExclude } from '../exclude.ts'
import type { HostSource, SourceEntry, SourceRoot } from '../source.ts'
import { storageSource } from '../sources/storage-source.ts'
import type { ObjectPlace } from '../sources/walk-objects.ts'

/** What folders get: objects say nothing of theirs. */
const folderMode = 0o755
const slash = '/'

/**
 * Objects below prefixes of a storage as the trees of files they once were, under the name of a host:
 * with the folders that objects do not have, so that they can be restored on hosts. The bytes are read
 * by this controller; nothing is ever written there.
 */
export function treeSource(
  place: Pick<ObjectPlace, 'host' | 'storage' | 'repository'>,
  roots: readonly SourceRoot[],
): HostSource {
  const objects = storageSource({ ...place, exclude: compileExclude([]) }, roots)
  return Object.freeze({
    ...objects,
    // What such a walk warns of is told once, by whoever knows what is to be there.
    walk: (root, io) => withFolders(objects.walk(root, io)),
  } satisfies HostSource)
}

/** Each folder before what lies in it. The root is one where there is anything below it. */
async function* withFolders(entries: AsyncIterable<SourceEntry>): AsyncIterable<SourceEntry> {
  // In byte order all of a folder comes together: those on the way to the last entry are enough.
  let open: readonly string[] | undefined
  for await (const entry of entries) {
    const names = Buffer.from(entry.path).toString('utf8').split(slash).slice(0, -1)
    if (open === undefined) yield folderOf('', entry)
    const known = open ?? []
    const common = names.findIndex((name, index) => known[index] !== name)
    const first = common < 0 ? names.length : common
    for (let depth = first; depth < names.length; depth += 1) {
      yield folderOf(names.slice(0, depth + 1).join(slash), entry)
    }
    open = names
    yield entry
  }
}

function folderOf(path: string, { mtimeNs }: SourceEntry): SourceEntry {
  return {
    path: Buffer.from(path),
    type: 'directory',
    sizeBytes: 0,
    mode: folderMode,
    user: '',
    group: '',
    mtimeNs,
    ctimeNs: 0n,
    inode: 0n,
  }
}
