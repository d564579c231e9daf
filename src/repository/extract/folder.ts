import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { BkpError } from '../../base/errors.ts'
import { showPath } from '../logical-path.ts'
import type { BackupFile } from '../manifest_pb.ts'
import type { Owners } from './owners.ts'

/**
 * A folder that gets files of a backup. Nothing is ever written outside of it or through a symbolic
 * link: each folder on the way is looked at before it is used, files are created where nothing is, and
 * attributes are set on what was opened.
 */
export interface TargetFolder {
  /** Makes the folder of a directory entry, for us alone until `finishDirectory`. */
  directory(file: BackupFile): void
  /** Creates a file with these bytes, mode and times. */
  file(file: BackupFile, content: AsyncIterable<Uint8Array>): Promise<void>
  symlink(file: BackupFile): void
  /** Gives a directory its mode and times: after all that lies below it, which would change them. */
  finishDirectory(file: BackupFile): void
}

export interface TargetFolderOptions {
  /** Its real path, absolute; it is there. */
  readonly path: string
  /** What is in the way is replaced, but for directories; else it is an error. */
  readonly overwrite: boolean
  /** Who is to own what; nobody else than we do without it. */
  readonly owners?: Owners
}

const slash = 0x2f
const permissions = 0o777
const newFile =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)
const oldFolder = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0)

/** Opens a folder to write into. All calls may throw file.unwritable and restore.conflict. */
export function openTargetFolder({ path, overwrite, owners }: TargetFolderOptions): TargetFolder {
  const root = Buffer.from(path)
  /** Folders on the way to the last entry that were looked at: of sorted entries one is enough. */
  let looked: string[] = []

  /** Where an entry goes: below a folder with its host's name. The parts were checked when read. */
  const partsOf = ({ host, path: logical }: BackupFile): readonly Buffer[] => {
    if (host === '.' || host === '..') {
      throw new BkpError('repository.manifest_invalid', `"${host}" cannot be the name of a host`, {
        hint: 'the manifest was not written by bkp; use another backup',
      })
    }
    return [Buffer.from(host), ...componentsOf(logical)]
  }
  const join = (parts: readonly Buffer[]): Buffer =>
    Buffer.concat([root, ...parts.flatMap(part => [Buffer.of(slash), part])])

  /** Makes the folders on the way, and refuses what is there and is no folder. */
  const enter = (parts: readonly Buffer[]): void => {
    const names = parts.map(part => part.toString('latin1'))
    let depth = 0
    while (depth < names.length && depth < looked.length && names[depth] === looked[depth]) {
      depth += 1
    }
    looked = looked.slice(0, depth)
    for (; depth < names.length; depth += 1) {
      makeFolder(join(parts.slice(0, depth + 1)))
      looked.push(names[depth] ?? '')
    }
  }
  const makeFolder = (place: Buffer): void => {
    const found = stateOf(place)
    if (found === undefined) attempt(place, () => mkdirSync(place, 0o700))
    else if (!found.isDirectory()) {
      throw new BkpError('restore.conflict', `${showPath(place)} is there and is no folder`, {
        hint: 'extract into an empty folder',
      })
    }
  }
  const clear = (place: Buffer): void => {
    if (!overwrite) return
    const found = stateOf(place)
    if (found !== undefined && !found.isDirectory()) attempt(place, () => unlinkSync(place))
  }
  const arrive = (file: BackupFile): Buffer => {
    const parts = partsOf(file)
    enter(parts.slice(0, -1))
    const place = join(parts)
    clear(place)
    return place
  }
  const dress = (descriptor: number, file: BackupFile): void => {
    const owner = owners?.of(file)
    if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid)
    fchmodSync(descriptor, file.mode & permissions)
    futimesSync(descriptor, ...timesOf(file))
  }
  return Object.freeze({
    directory: file => enter(partsOf(file)),
    file: async (file, content) => {
      const place = arrive(file)
      const descriptor = attempt(place, () => openSync(place, newFile, 0o600))
      let isWhole = false
      try {
        for await (const bytes of content) attempt(place, () => writeAll(descriptor, bytes))
        attempt(place, () => dress(descriptor, file))
        isWhole = true
      } finally {
        closeSync(descriptor)
        // A file that is there is whole.
        if (!isWhole) unlinkSync(place)
      }
    },
    symlink: file => {
      const place = arrive(file)
      attempt(place, () => {
        symlinkSync(Buffer.from(file.symlinkTarget), place)
        const owner = owners?.of(file)
        if (owner !== undefined) lchownSync(place, owner.uid, owner.gid)
        lutimesSync(place, ...timesOf(file))
      })
    },
    finishDirectory: file => {
      const place = join(partsOf(file))
      attempt(place, () => {
        const descriptor = openSync(place, oldFolder)
        try {
          dress(descriptor, file)
        } finally {
          closeSync(descriptor)
        }
      })
    },
  } satisfies TargetFolder)
}

/** The components of a logical path; none of the root `/`. */
function componentsOf(path: Uint8Array): readonly Buffer[] {
  const parts: Buffer[] = []
  let start = path[0] === slash ? 1 : 0
  while (start < path.length) {
    const next = path.indexOf(slash, start)
    const end = next < 0 ? path.length : next
    parts.push(Buffer.from(path.subarray(start, end)))
    start = end + 1
  }
  return parts
}

function stateOf(place: Buffer): Stats | undefined {
  return attempt(place, () => lstatSync(place, { throwIfNoEntry: false }))
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
}

/**
 * Access and modification time. A number of seconds holds them to the microsecond; Node takes one below
 * 0 for now, so that times before 1970 go as dates, to the millisecond.
 */
function timesOf({ mtimeNs }: BackupFile): [Date | number, Date | number] {
  const time = mtimeNs < 0n ? new Date(Number(mtimeNs / 1_000_000n)) : Number(mtimeNs / 1000n) / 1e6
  return [time, time]
}

function attempt<T>(place: Uint8Array, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof BkpError) throw cause
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const why = cause instanceof Error ? cause.message : String(cause)
    if (code === 'EEXIST') {
      throw new BkpError('restore.conflict', `${showPath(place)} is there already`, {
        cause,
        hint: 'extract into an empty folder; where the backup names it twice, use --host and --path',
      })
    }
    throw new BkpError('file.unwritable', `${showPath(place)} cannot be written: ${why}`, {
      cause,
      hint:
        code === 'ENOSPC'
          ? 'make room, or extract less of the backup with --path'
          : 'see that the folder can be written, or extract into another one',
    })
  }
}
