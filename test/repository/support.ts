import { createHash } from 'node:crypto'
import type { Clock, RandomBytes } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { type BackupOptions, backUp } from '../../src/repository/backup.ts'
import { listBackups, resolveBackup } from '../../src/repository/catalogue.ts'
import type { Geometry } from '../../src/repository/geometry.ts'
import { BackupFile_Type } from '../../src/repository/manifest.ts'
import { streamBlocks } from '../../src/repository/planes/stream-blocks.ts'
import { readFileContent, readFileEntries } from '../../src/repository/read.ts'
import { type Backup, openRepository, type Repository } from '../../src/repository/repository.ts'
import type { HostSource, SourceEntry, SourceRoot } from '../../src/repository/source.ts'
import type { ReadOnlyStorage, Storage } from '../../src/storage/contract.ts'

/** Sizes small enough for tests: a block of 64 bytes, files below 16 are packed. */
export const smallGeometry: Geometry = {
  blockBytes: 64,
  packedBelowBytes: 16,
  inlineListBytes: 1_000_000,
  listMinBytes: 256,
  listCutEvery: 4,
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const hex = (path: Uint8Array): string => Buffer.from(path).toString('hex')
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

/** A clock that moves only when told, or when someone sleeps. */
export interface TestClock extends Clock {
  advance(milliseconds: number): void
}

export function testClock(start = '2025-01-14T20:15:00.000Z'): TestClock {
  let time = Date.parse(start)
  const begin = time
  return {
    now: () => new Date(time),
    monotonicMs: () => time - begin,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted()
      time += milliseconds
    },
    advance: milliseconds => {
      time += milliseconds
    },
  }
}

/** Random bytes that are the same in every run. */
export function testRandom(seed = 'seed'): RandomBytes {
  let count = 0
  return length => {
    count += 1
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
      createHash('sha256').update(`${seed} ${count} ${i}`).digest(),
    )
    return Uint8Array.from(Buffer.concat(blocks).subarray(0, length))
  }
}

interface MemoryFile {
  readonly type: SourceEntry['type']
  readonly bytes: Uint8Array
  readonly mode: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly inode: bigint
  readonly symlinkTarget?: Uint8Array
}

/** A host whose files are in memory, and which counts what is read of them. */
export interface MemoryHost extends HostSource {
  set(path: string | Uint8Array, content: Uint8Array | string, changes?: Partial<MemoryFile>): void
  remove(path: string | Uint8Array): void
  get(path: string | Uint8Array): MemoryFile | undefined
  /** Paths whose bytes were read or hashed, as text. */
  readonly reads: string[]
  readonly bytesRead: () => number
  /** Called before a file is read: to change it under the reader. */
  onRead: ((path: string) => void) | undefined
  /** All files as tree comparisons want them. */
  tree(): ReadonlyMap<string, string>
}

/** One root by default: logical and live path `/data`. */
export function memoryHost(
  host: string,
  root: Partial<{
    root: string
    source: string
    immutable: boolean
    immutableFiles: readonly string[]
    filesInFlight: number
  }> = {},
): MemoryHost {
  const files = new Map<string, MemoryFile>()
  const reads: string[] = []
  let bytesRead = 0
  let inodes = 100n
  let ticks = 1_700_000_000_000_000_001n
  const logical = root.root ?? '/data'
  const only: SourceRoot = {
    root: bytesOf(logical),
    source: bytesOf(root.source ?? logical),
    immutable: root.immutable ?? false,
    ...(root.immutableFiles === undefined ? {} : { immutableFiles: root.immutableFiles }),
  }
  const asBytes = (path: string | Uint8Array): Uint8Array =>
    typeof path === 'string' ? bytesOf(path) : path
  const entryAt = (path: string, file: MemoryFile): SourceEntry => ({
    path: unhex(path),
    type: file.type,
    sizeBytes: file.bytes.length,
    mode: file.mode,
    user: 'db',
    group: 'db',
    mtimeNs: file.mtimeNs,
    ctimeNs: file.ctimeNs,
    inode: file.inode,
    ...(file.symlinkTarget === undefined ? {} : { symlinkTarget: file.symlinkTarget }),
  })
  const open = (entry: SourceEntry): MemoryFile | undefined => {
    const path = Buffer.from(entry.path).toString()
    source.onRead?.(path)
    const file = files.get(hex(entry.path))
    reads.push(path)
    bytesRead += file?.bytes.length ?? 0
    return file
  }
  const gone = (entry: SourceEntry): BkpError =>
    new BkpError('file.unreadable', `${Buffer.from(entry.path).toString()}: no such file`)
  const source: MemoryHost = {
    host,
    roots: [only],
    reads,
    bytesRead: () => bytesRead,
    onRead: undefined,
    set: (path, content, changes = {}) => {
      const name = hex(asBytes(path))
      ticks += 1n
      inodes += 1n
      const before = files.get(name)
      files.set(name, {
        type: 'file',
        mode: 0o640,
        mtimeNs: ticks,
        ctimeNs: ticks,
        inode: before?.inode ?? inodes,
        ...changes,
        bytes: typeof content === 'string' ? bytesOf(content) : content,
      })
    },
    remove: path => {
      files.delete(hex(asBytes(path)))
    },
    get: path => files.get(hex(asBytes(path))),
    tree: () =>
      new Map(
        [...files].map(([name, file]) => {
          const relative = Buffer.from(name, 'hex').toString('latin1')
          return [relative === '' ? logical : `${logical}/${relative}`, describe(file)]
        }),
      ),
    walk: async function* () {
      // Not in order: whoever needs an order sorts.
      for (const [path, file] of [...files].reverse()) yield entryAt(path, file)
    },
    filesInFlight: root.filesInFlight ?? 1,
    readFiles: async (_root, entries) => ({
      files: entries.map(entry => {
        const file = open(entry)
        if (file === undefined) return { error: gone(entry) }
        const bytes = Uint8Array.from(file.bytes)
        return { bytes, sha256: createHash('sha256').update(bytes).digest() }
      }),
      release: () => {},
    }),
    hashBlocks: async function* (_root, entry, blockBytes) {
      const file = files.get(hex(entry.path))
      if (file === undefined) throw gone(entry)
      for (let at = 0; at < file.bytes.length; at += blockBytes) {
        yield createHash('sha256')
          .update(file.bytes.subarray(at, at + blockBytes))
          .digest()
      }
    },
    readBlocks: (_root, entry, { offset, lengthBytes, blockBytes }, tools, io) => {
      const pieces = async function* (): AsyncIterable<Uint8Array> {
        source.onRead?.(Buffer.from(entry.path).toString())
        const file = files.get(hex(entry.path))
        if (file === undefined) throw gone(entry)
        reads.push(Buffer.from(entry.path).toString())
        const range = file.bytes.subarray(offset, offset + lengthBytes)
        bytesRead += range.length
        // In odd pieces, as a network gives them.
        for (let at = 0; at < range.length; at += 37)
          yield Uint8Array.from(range.subarray(at, at + 37))
      }
      return streamBlocks(pieces(), blockBytes, tools, io)
    },
    stat: async function* (_root, entries) {
      for (const [index, entry] of entries.entries()) {
        const file = files.get(hex(entry.path))
        yield { index, entry: file === undefined ? undefined : entryAt(hex(entry.path), file) }
      }
    },
  }
  source.set('', '', { type: 'directory', mode: 0o755 })
  return source
}

function describe(file: MemoryFile): string {
  const target = Buffer.from(file.symlinkTarget ?? []).toString('latin1')
  const content = createHash('sha256').update(file.bytes).digest('hex')
  return `${file.type} ${file.mode.toString(8)} ${file.mtimeNs} ${target} ${file.bytes.length} ${content}`
}

/** What a backup holds of a host, in the form of `MemoryHost.tree`; every byte is read and checked. */
export async function restoredTree(
  repo: Repository,
  name: string,
  host: string,
): Promise<ReadonlyMap<string, string>> {
  return await treeOf(repo, await resolveBackup(repo, { backup: name }, quietIo), host)
}

/** `restoredTree` of a manifest that was read already. */
export async function treeOf(
  repo: Repository,
  backup: Backup,
  host: string,
): Promise<ReadonlyMap<string, string>> {
  const tree = new Map<string, string>()
  for await (const file of readFileEntries(repo, backup, quietIo)) {
    if (file.host !== host) continue
    const parts: Uint8Array[] = []
    for await (const part of readFileContent(repo, file, quietIo)) parts.push(part)
    const type =
      file.type === BackupFile_Type.DIRECTORY
        ? 'directory'
        : file.type === BackupFile_Type.SYMLINK
          ? 'symlink'
          : 'file'
    const described = describe({
      type,
      bytes: Buffer.concat(parts),
      mode: file.mode,
      mtimeNs: file.mtimeNs,
      ctimeNs: file.ctimeNs,
      inode: file.inode,
      symlinkTarget: file.symlinkTarget,
    })
    tree.set(Buffer.from(file.path).toString('latin1'), described)
  }
  return tree
}

/** Options of a small backup; everything can be replaced. */
export function backupOptions(
  storage: Storage,
  sources: readonly HostSource[],
  changes: Partial<BackupOptions> = {},
): BackupOptions {
  return {
    storage,
    sources,
    cluster: { kind: 'files', name: 'demo', version: '1', topology: { hosts: sources.length } },
    geometry: smallGeometry,
    clock: testClock(),
    random: testRandom(),
    controller: 'controller',
    toolVersion: '0.1.0',
    ...changes,
  }
}

export { backUp, quietIo }

export async function stateOf(storage: ReadOnlyStorage): Promise<readonly string[]> {
  const repo = await openRepository(storage, quietIo)
  const { backups } = await listBackups(repo, quietIo)
  return backups.map(({ name, state }) => `${name} ${state}`)
}

export async function keysBelow(storage: ReadOnlyStorage, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of storage.list(prefix, quietIo)) keys.push(key)
  return keys
}
