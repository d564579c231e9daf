import { basename, dirname, resolve } from 'node:path'
import type { FileSystem } from '../../src/storage/file-system.ts'
import type { Random } from '../engine/simulation/random.ts'

/** Smallest piece that a disk writes at once, in bytes. */
const sectorBytes = 512

interface FileNode {
  readonly kind: 'file'
  cached: Buffer
  durable: Buffer
}

interface FolderNode {
  readonly kind: 'folder'
  readonly cached: Map<string, Node>
  durable: ReadonlyMap<string, Node>
}

type Node = FileNode | FolderNode

/** A file system in memory that forgets what was not synced when the power goes. */
export interface CrashFileSystem {
  readonly fs: FileSystem
  /** Called before each call that changes or syncs something; what it throws ends that call. */
  onChange: ((call: string) => void) | undefined
  /**
   * The power goes: of what was not synced each name is as it was or as it became, and each sector of
   * a file old or new. Nothing of before works any more.
   */
  crash(random: Random): CrashFileSystem
}

/** What a disk may do wrong, for tests that must notice it. */
export interface DiskFaults {
  /** Syncs of files, or of folders, report success and do nothing. */
  readonly ignoresSync?: 'file' | 'folder'
}

/** An empty one. */
export function createCrashFileSystem(faults: DiskFaults = {}): CrashFileSystem {
  return mount(folder(new Map()), faults)
}

function folder(entries: ReadonlyMap<string, Node>): FolderNode {
  return { kind: 'folder', cached: new Map(entries), durable: entries }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

function mount(root: FolderNode, faults: DiskFaults): CrashFileSystem {
  let isOff = false
  const find = (path: string): Node | undefined => {
    let node: Node | undefined = root
    for (const part of resolve(path).split('/').filter(Boolean)) {
      if (node === undefined) return undefined
      if (node.kind !== 'folder') throw failure('ENOTDIR', path)
      node = node.cached.get(part)
    }
    return node
  }
  const parentOf = (path: string): FolderNode => {
    const parent = find(dirname(resolve(path)))
    if (parent === undefined) throw failure('ENOENT', path)
    if (parent.kind !== 'folder') throw failure('ENOTDIR', path)
    return parent
  }
  const existing = (path: string): Node => {
    const node = find(path)
    if (node === undefined) throw failure('ENOENT', path)
    return node
  }
  const change = (call: string): void => {
    if (isOff) throw failure('EIO', 'the power is off')
    self.onChange?.(call)
  }
  const handleOf = (path: string, node: Node): object => ({
    write: async (bytes: Uint8Array, offset: number, length: number) => {
      change(`write ${path}`)
      if (node.kind !== 'file') throw failure('EISDIR', path)
      node.cached = Buffer.concat([node.cached, bytes.subarray(offset, offset + length)])
      return { bytesWritten: length }
    },
    read: async (into: Uint8Array, at: number, length: number, position: number) => {
      if (node.kind !== 'file') throw failure('EISDIR', path)
      const piece = node.cached.subarray(position, position + length)
      into.set(piece, at)
      return { bytesRead: piece.length }
    },
    stat: async () => ({ size: node.kind === 'file' ? node.cached.length : 0 }),
    sync: async () => {
      change(`sync ${path}`)
      if (faults.ignoresSync === node.kind) return
      if (node.kind === 'file') node.durable = Buffer.from(node.cached)
      else node.durable = new Map(node.cached)
    },
    close: async () => {},
  })
  const makeFolder = (path: string, recursive: boolean): string | undefined => {
    const node = find(path)
    if (node !== undefined) {
      if (recursive && node.kind === 'folder') return undefined
      throw failure('EEXIST', path)
    }
    const above = dirname(path)
    const first = recursive && find(above) === undefined ? makeFolder(above, true) : undefined
    change(`mkdir ${path}`)
    parentOf(path).cached.set(basename(path), folder(new Map()))
    return first ?? path
  }
  const calls = {
    open: async (path: string, flags: string | number) => {
      if (flags === 'wx') {
        change(`create ${path}`)
        if (find(path) !== undefined) throw failure('EEXIST', path)
        const made: FileNode = { kind: 'file', cached: Buffer.alloc(0), durable: Buffer.alloc(0) }
        parentOf(path).cached.set(basename(path), made)
      }
      return handleOf(path, existing(path))
    },
    link: async (from: string, to: string) => {
      change(`link ${to}`)
      const node = existing(from)
      if (find(to) !== undefined) throw failure('EEXIST', to)
      parentOf(to).cached.set(basename(to), node)
    },
    rename: async (from: string, to: string) => {
      change(`rename ${to}`)
      const node = existing(from)
      parentOf(to).cached.set(basename(to), node)
      parentOf(from).cached.delete(basename(from))
    },
    unlink: async (path: string) => {
      change(`unlink ${path}`)
      existing(path)
      parentOf(path).cached.delete(basename(path))
    },
    mkdir: async (path: string, { recursive = false }: { readonly recursive?: boolean }) =>
      makeFolder(resolve(path), recursive),
    readdir: async (path: string) => {
      const node = existing(path)
      if (node.kind !== 'folder') throw failure('ENOTDIR', path)
      return [...node.cached].map(([name, { kind }]) => ({
        name,
        isFile: () => kind === 'file',
        isDirectory: () => kind === 'folder',
      }))
    },
    stat: async (path: string) => {
      const node = existing(path)
      return { size: node.kind === 'file' ? node.cached.length : 0, mtime: new Date(0) }
    },
  }
  const self: CrashFileSystem = {
    fs: calls as unknown as FileSystem,
    onChange: undefined,
    crash: random => {
      isOff = true
      const survivors = new Map<Node, Node>()
      return mount(surviving(root, random, survivors) as FolderNode, faults)
    },
  }
  return self
}

/** What is found of a node after the crash; a file of two names stays one. */
function surviving(node: Node, random: Random, known: Map<Node, Node>): Node {
  const before = known.get(node)
  if (before !== undefined) return before
  if (node.kind === 'file') {
    const content = torn(node, random)
    const file: FileNode = { kind: 'file', cached: content, durable: Buffer.from(content) }
    known.set(node, file)
    return file
  }
  const entries = new Map<string, Node>()
  for (const name of new Set([...node.durable.keys(), ...node.cached.keys()])) {
    const found = random.chance(0.5) ? node.durable.get(name) : node.cached.get(name)
    if (found !== undefined) entries.set(name, surviving(found, random, known))
  }
  const after = folder(entries)
  known.set(node, after)
  return after
}

/** Each sector that was not synced may be old, new, or never written; the length too. */
function torn({ durable, cached }: FileNode, random: Random): Buffer {
  if (durable.equals(cached)) return Buffer.from(cached)
  const length = random.chance(0.5) ? durable.length : cached.length
  const content = Buffer.alloc(length)
  for (let at = 0; at < length; at += sectorBytes) {
    const from = random.chance(0.5) ? durable : cached
    content.set(from.subarray(at, Math.min(at + sectorBytes, length)), at)
  }
  return content
}
