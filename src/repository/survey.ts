import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { plainEtag } from '../storage/etag.ts'
import { entryCodec } from './entry-codec.ts'
import { compileExclude, type Exclude } from './exclude.ts'
import type { GarbageState } from './garbage.ts'
import { joinPath, pathFault, showPath } from './logical-path.ts'
import { type BackupFile, BackupFile_Type } from './manifest_pb.ts'
import type { KnownContent } from './parents.ts'
import type { Scratch } from './scratch.ts'
import { runSideBySide } from './side-by-side.ts'
import { type Cursor, createValueSorter, openCursor, type SortCodec } from './sorter.ts'
import type { HostSource, SourceEntry, SourceRoot } from './source.ts'
import { mayChangeUnseen, toBeReadAgain } from './unseen-changes.ts'
import { createOrderCheck, nameFault } from './validate-files.ts'

/**
 * What is to be done with an entry. `keep`: there is no content to store. `reuse`: unchanged, the
 * earlier entry's blocks serve. `read`: read it; `previous` is what an earlier backup had there.
 */
type Decision =
  | { readonly kind: 'keep' }
  | { readonly kind: 'reuse'; readonly from: BackupFile }
  | { readonly kind: 'read'; readonly previous: BackupFile | undefined }

/** An entry of a host, and what is to be done with it. */
export interface Surveyed {
  /** The entry as the manifest will have it, without blocks and sha256. */
  readonly file: BackupFile
  readonly root: SourceRoot
  /** The entry as the data plane knows it. */
  readonly entry: SourceEntry
  readonly decision: Decision
}

export interface WalkOptions {
  readonly source: HostSource
  readonly exclude: Exclude
  readonly scratch: Scratch
  /** Called for what is left out: sockets, devices, pipes. */
  readonly warn: (warning: string) => void
}

/** All that a host has below its roots. */
export interface WalkedHost {
  /** Bytes of all regular files. */
  readonly bytes: number
  /** The host's time before anything was looked at, where that matters: nanoseconds since 1970. */
  readonly beganNs: bigint | undefined
  /** By path. */
  entries(): AsyncIterable<Walked>
}

/** Roots of one host that are walked at once: a process on the host each. */
const rootsAtOnce = 4

/**
 * Walks all roots of a host, several at once. Nothing else is needed for it: the parent can be read
 * meanwhile. @throws file.unreadable, ssh.*
 */
export async function walkHost(options: WalkOptions, io: Io): Promise<WalkedHost> {
  const { source, scratch, exclude, warn } = options
  const sorter = createValueSorter(scratch, walkedCodec(source.roots))
  const beganNs = await source.now?.(io)
  let bytes = 0
  await runSideBySide(rootsAtOnce, io, async (begin, ownIo) => {
    for (const [index, root] of source.roots.entries()) {
      await begin(async () => {
        for await (const entry of source.walk(root, ownIo, warn)) {
          ownIo.signal.throwIfAborted()
          if (exclude(entry.path)) continue
          const path = joinPath(root.root, entry.path)
          if (entry.type === 'other') {
            warn(`${source.host}:${showPath(path)} is a socket, a device or a pipe and is left out`)
            continue
          }
          if (entry.type === 'file') bytes += entry.sizeBytes
          const written = sorter.add({ path, root: index, entry })
          if (written !== undefined) await written
        }
      })
    }
  })
  return { bytes, beganNs, entries: sorter.sorted }
}

export interface SurveyOptions {
  readonly source: HostSource
  readonly walked: WalkedHost
  readonly known: KnownContent
  readonly garbage: GarbageState
}

/**
 * Decides what must be read of a host: planning and backing up go through here alike. Gives entries
 * sorted by path. @throws file.unreadable, repository.source_changed
 */
export async function* surveyHost(options: SurveyOptions, io: Io): AsyncIterable<Surveyed> {
  const { source, walked, known } = options
  const earlier = await Promise.all(known.filesOf(source.host).map(openCursor))
  const check = createTreeCheck(source.host)
  const isImmutable = source.roots.map(immutability)
  for await (const { path, root: index, entry } of walked.entries()) {
    io.signal.throwIfAborted()
    const root = source.roots[index]
    if (root === undefined) throw new BkpError('internal', 'an entry has a root that was not asked')
    const file = fileOf(source.host, root, path, entry, isImmutable[index] ?? never)
    check(file)
    const matches = await findEarlier(earlier, file)
    const decision = decide(file, matches, options)
    const isUnsure = decision.kind === 'read' && mayChangeUnseen(file, walked.beganNs)
    yield { file: isUnsure ? toBeReadAgain(file) : file, root, entry, decision }
  }
}

function decide(
  file: BackupFile,
  earlier: readonly BackupFile[],
  { garbage, known }: Pick<SurveyOptions, 'garbage' | 'known'>,
): Decision {
  if (file.type !== BackupFile_Type.FILE || file.size === 0n) return { kind: 'keep' }
  // What lies in a pack that is mostly dead is packed anew: as long as a backup names it, it stays.
  const usable = earlier.filter(candidate => !known.isSparse(candidate))
  const from = usable.find(candidate => isUnchanged(file, candidate))
  // A condemned block may be gone before this backup is committed: it must be stored anew.
  if (from !== undefined && !from.blocks.some(garbage.isCondemned)) return { kind: 'reuse', from }
  return { kind: 'read', previous: usable[0] }
}

/** The incremental rule (design §6): an object has an etag. A hard link changes ctime, so immutable files leave it out. */
function isUnchanged(file: BackupFile, earlier: BackupFile): boolean {
  if (file.size !== earlier.size) return false
  if (file.etag !== '' || earlier.etag !== '') {
    return plainEtag(file.etag) === plainEtag(earlier.etag)
  }
  return (
    file.mtimeNs === earlier.mtimeNs &&
    file.inode === earlier.inode &&
    (file.immutable || file.ctimeNs === earlier.ctimeNs)
  )
}

/** The entries earlier backups have at this path; moves their cursors on to it. */
async function findEarlier(
  cursors: readonly Cursor<BackupFile>[],
  file: BackupFile,
): Promise<readonly BackupFile[]> {
  const matches: BackupFile[] = []
  for (const cursor of cursors) {
    while (cursor.value !== undefined && Buffer.compare(cursor.value.path, file.path) < 0) {
      await cursor.next()
    }
    if (cursor.value !== undefined && Buffer.compare(cursor.value.path, file.path) === 0) {
      matches.push(cursor.value)
    }
  }
  return matches
}

/** An entry with its logical path and the place of its root. */
interface Walked {
  readonly path: Uint8Array
  readonly root: number
  readonly entry: SourceEntry
}

function walkedCodec(roots: readonly SourceRoot[]): SortCodec<Walked> {
  return {
    key: ({ path }) => path,
    sizeBytes: ({ path, entry }) => path.length + entryCodec.sizeBytes(entry),
    encode: ({ root, entry }) => {
      const index = Buffer.alloc(4)
      index.writeUInt32LE(root)
      return Buffer.concat([index, entryCodec.encode(entry)])
    },
    decode: bytes => {
      const root = bytes.readUInt32LE(0)
      const entry = entryCodec.decode(bytes.subarray(4))
      return { path: joinPath(roots[root]?.root ?? new Uint8Array(), entry.path), root, entry }
    },
  }
}

const never: Exclude = () => false

/** Says of an entry of a root whether it is never written again. */
function immutability({ immutable, immutableFiles }: SourceRoot): Exclude {
  if (!immutable) return never
  return immutableFiles === undefined ? () => true : compileExclude(immutableFiles)
}

const types = {
  file: BackupFile_Type.FILE,
  directory: BackupFile_Type.DIRECTORY,
  symlink: BackupFile_Type.SYMLINK,
} as const

function fileOf(
  host: string,
  root: SourceRoot,
  path: Uint8Array,
  entry: SourceEntry & { readonly type: SourceEntry['type'] },
  isImmutable: Exclude,
): BackupFile {
  const fault = pathFault(path)
  if (fault !== undefined || entry.type === 'other') {
    throw new BkpError('file.unreadable', `${host}:${showPath(path)}: the path ${fault}`, {
      hint: 'give the root a shorter name with `as`, or exclude the file',
      details: { host, path: showPath(path) },
    })
  }
  return {
    $typeName: 'bkp.v1.BackupFile',
    host,
    path,
    root: root.root,
    immutable: isImmutable(entry.path),
    type: types[entry.type],
    size: entry.type === 'file' ? BigInt(entry.sizeBytes) : 0n,
    mode: entry.mode & 0o7777,
    user: nameFault(entry.user) === undefined ? entry.user : '',
    group: nameFault(entry.group) === undefined ? entry.group : '',
    mtimeNs: entry.mtimeNs,
    ctimeNs: entry.ctimeNs,
    inode: entry.inode,
    symlinkTarget:
      entry.type === 'symlink' ? (entry.symlinkTarget ?? new Uint8Array()) : new Uint8Array(),
    etag: entry.etag === undefined || nameFault(entry.etag) !== undefined ? '' : entry.etag,
    sha256: new Uint8Array(),
    blocks: [],
  }
}

/** A tree that changed under the walk may show a name twice, or a file with files below it. */
function createTreeCheck(host: string): (file: BackupFile) => void {
  const place = createOrderCheck()
  return file => {
    const fault = place(file)
    if (fault === undefined) return
    throw new BkpError(
      'repository.source_changed',
      `${host}:${showPath(file.path)} ${fault}: the tree changed while it was walked`,
      { hint: 'run again, or back up a snapshot that does not change', details: { host } },
    )
  }
}
