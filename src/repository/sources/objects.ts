import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo, ReadOnlyStorage } from '../../storage/contract.ts'
import { plainEtag } from '../../storage/etag.ts'
import { key } from '../../storage/key.ts'
import { joinPath, pathText } from '../logical-path.ts'
import type { SourceEntry, SourceRoot } from '../source.ts'

const nanosecondsPerMillisecond = 1_000_000n

/** What objects have in place of the permissions of files: what a new file of a user has. */
const objectMode = 0o644

/** What the keys below a root begin with: nothing, or the root's source without its first slash. */
export function keyPrefix({ source }: Pick<SourceRoot, 'source'>): string {
  const text = Buffer.from(source).toString('utf8').replace(/^\//, '')
  return text === '' ? '' : `${text}/`
}

/** The key of an entry below a root. */
export function keyOf(root: Pick<SourceRoot, 'source'>, entry: Pick<SourceEntry, 'path'>): Key {
  const path = pathText(joinPath(root.source, entry.path))
  if (path === undefined) throw new BkpError('internal', 'the name of an object is no text')
  return key(path.replace(/^\//, ''))
}

/** An object as an entry below a root. It has no owner, and only its last change is known. */
export function entryOf(relative: string, object: Omit<ObjectInfo, 'key'>): SourceEntry {
  return {
    path: Buffer.from(relative),
    type: 'file',
    sizeBytes: object.sizeBytes,
    mode: objectMode,
    user: '',
    group: '',
    mtimeNs: BigInt(object.modified.getTime()) * nanosecondsPerMillisecond,
    ctimeNs: 0n,
    inode: 0n,
    ...(object.etag === undefined || plainEtag(object.etag) === '' ? {} : { etag: object.etag }),
  }
}

/** What the storage says of one object now; nothing where it is gone. @throws storage.* */
export async function lookAt(
  storage: ReadOnlyStorage,
  wanted: Key,
  io: Io,
): Promise<ObjectInfo | undefined> {
  if (storage.head !== undefined) return await storage.head(wanted, io)
  // The key itself is the first of those that begin with it.
  for await (const object of storage.list(wanted, io)) {
    return object.key === wanted ? object : undefined
  }
  return undefined
}
