import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import {
  type FileFacts,
  file,
  freeSpace,
  mountPoint,
  output,
  type SpaceFacts,
  walkTree,
} from '../../connection/probes.ts'
import { showPath } from '../logical-path.ts'
import { BackupFile_Type } from '../manifest_pb.ts'
import { sourceEntry } from '../planes/walk.ts'
import type { SourceEntry } from '../source.ts'
import { holderPrefix, type StagingPaths } from './staging.ts'

/** Where a target really lies, and the file system it is on. */
export interface LiveTarget {
  /** What will be moved: where the target is a symbolic link to it, what that leads to. */
  readonly path: string
  readonly layout: StagingPaths['layout']
  readonly exists: boolean
  readonly space: SpaceFacts
}

/**
 * Looks where a target lies. Folders above it are used as they are; a link in its own place is
 * followed as a backup follows it, unless a link is what will be there.
 * @throws restore.target_invalid, file.unreadable, ssh.*
 */
export async function locateTarget(
  host: ReadOnlyHost,
  target: string,
  wanted: BackupFile_Type,
  io: Io,
): Promise<LiveTarget> {
  const here = await host.ask({ target: file(target) }, io)
  const path =
    here.target.kind === 'symlink' && wanted !== BackupFile_Type.SYMLINK
      ? await followLink(host, target, io)
      : target
  const parent = parentOf(path)
  const facts = await host.ask(
    { self: file(path), isMount: mountPoint(path), above: file(parent) },
    io,
  )
  if (facts.above.kind === 'file' || facts.above.kind === 'other') {
    throw new BkpError('restore.target_invalid', `${host.name}: ${parent} is not a folder`, {
      hint: 'restore elsewhere with path_map',
    })
  }
  const layout = facts.isMount ? 'children' : 'whole'
  if (layout === 'children' && wanted !== BackupFile_Type.DIRECTORY) {
    throw new BkpError(
      'restore.target_invalid',
      `${host.name}: ${path} is a mount point, but the backup holds no folder for it`,
      { hint: 'restore elsewhere with path_map' },
    )
  }
  const { space } = await host.ask({ space: freeSpace(layout === 'children' ? path : parent) }, io)
  return { path, layout, exists: facts.self.kind !== 'absent', space }
}

async function followLink(host: ReadOnlyHost, target: string, io: Io): Promise<string> {
  const { real } = await host.ask({ real: output('readlink', '-f', '--', target) }, io)
  const path = real.stdout.replace(/\n$/, '')
  if (real.code !== 0 || !path.startsWith('/')) return target
  if (path === '/') {
    throw new BkpError('restore.target_invalid', `${host.name}: ${target} leads to "/"`, {
      hint: 'restore elsewhere with path_map',
    })
  }
  const { there } = await host.ask({ there: file(path) }, io)
  // A link that leads nowhere is replaced itself.
  return there.kind === 'absent' ? target : path
}

/** The folder above; `/` for what lies there. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/**
 * What lies at the target now, in any order; nothing where nothing does.
 * @throws restore.target_invalid when another file system is mounted below it, file.unreadable
 */
export async function* readLive(
  host: ReadOnlyHost,
  live: Pick<LiveTarget, 'path' | 'layout'>,
  io: Io,
): AsyncIterable<SourceEntry> {
  const { self } = await host.ask({ self: file(live.path) }, io)
  if (self.kind === 'absent') return
  // A walk follows a link in place of its root; this one is to be replaced itself.
  if (self.kind === 'symlink' || self.kind === 'other') {
    yield entryOf(self)
    return
  }
  let device: string | undefined
  let mounted: string | undefined
  for await (const entry of host.scan(walkTree({ root: live.path }), io)) {
    if (live.layout === 'children' && isHolder(entry.path)) continue
    if (entry.path.length === 0) device = entry.device
    // Only folders: on overlay file systems plain files may show the device of a layer.
    if (entry.type === 'directory' && device !== undefined && entry.device !== device) {
      mounted ??= showPath(entry.path)
    }
    // The scan is read to its end: breaking off would have to end what runs on the host.
    if (mounted === undefined) yield sourceEntry(entry)
  }
  if (mounted === undefined) return
  throw new BkpError(
    'restore.target_invalid',
    `${host.name}: ${live.path}/${mounted} is a file system of its own: it cannot move with ${live.path}`,
    { hint: 'restore parts of the tree by steps of their own, with paths' },
  )
}

function isHolder(path: Uint8Array): boolean {
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength).indexOf(holderPrefix) === 0
}

function entryOf(facts: Exclude<FileFacts, { readonly kind: 'absent' }>): SourceEntry {
  return {
    path: new Uint8Array(),
    type: facts.kind,
    sizeBytes: facts.sizeBytes,
    mode: Number.parseInt(facts.mode, 8),
    user: facts.user,
    group: facts.group,
    mtimeNs: BigInt(facts.mtimeNs),
    ctimeNs: 0n,
    inode: BigInt(facts.inode),
    ...(facts.target === undefined ? {} : { symlinkTarget: Buffer.from(facts.target) }),
  }
}
