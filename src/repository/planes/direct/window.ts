import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import type { Exit, Host } from '../../../connection/contract.ts'
import { joinPath, showPath } from '../../logical-path.ts'
import type { SourceEntry, SourceRoot } from '../../source.ts'
import { openFolder } from './transfers-folder.ts'
import { copyFilesScript, copyScript, joinFilesScript, packScript } from './window-scripts.ts'

/** What hashes on a host. */
export type Hasher = 'openssl' | 'sha256sum'

/** A copy of a block in the window: its place's file is what is sent. */
export interface Copied {
  readonly lengthBytes: number
  /** 32 bytes. */
  readonly sha256: Uint8Array
}

/** A file of a pack, or nothing where it could not be copied. */
export type PackedFile =
  | { readonly offset: number; readonly sizeBytes: number; readonly sha256: Uint8Array }
  | undefined

/** Small files, one behind the other in a place of the window. */
export interface WindowPack extends Copied {
  /** In the order asked. */
  readonly files: readonly PackedFile[]
}

/** A folder on a host with room for some blocks. Its places have numbers. */
export interface HostWindow {
  /** The file of a place. */
  pathOf(place: number): Uint8Array
  /**
   * Copies blocks of a file into places and hashes the copies. Shorter ones say that the file ended.
   * @throws file.unreadable, repository.plane_unavailable where the window is full
   */
  copy(
    root: SourceRoot,
    file: SourceEntry,
    blocks: readonly { readonly place: number; readonly block: number }[],
    io: Io,
  ): Promise<readonly Copied[]>
  /**
   * Copies small files below a root into a place. One at a time.
   * @throws repository.plane_unavailable where that did not work, whatever the reason
   */
  pack(root: SourceRoot, files: readonly SourceEntry[], place: number, io: Io): Promise<WindowPack>
  /** Removes the window; resolves when the host has done so. */
  close(): Promise<void>
}

export interface WindowOptions {
  /** Where to make it. */
  readonly folder: string
  readonly hasher: Hasher
  readonly blockBytes: number
}

/** Bytes that dd takes at a time, where that divides the block. */
const copyBytes = 1024 * 1024

/** What dd takes at a time of blocks of that size, and how many of that are a block. */
export function copyUnit(blockBytes: number): { readonly bytes: number; readonly ofBlock: number } {
  const bytes = blockBytes % copyBytes === 0 ? copyBytes : blockBytes
  return { bytes, ofBlock: blockBytes / bytes }
}

/**
 * Makes a window. The host removes it when it is closed, when `io` is cancelled and when the connection
 * is lost: the process that made it waits for just that.
 * @throws ssh.*, repository.plane_unavailable
 */
export async function openWindow(host: Host, options: WindowOptions, io: Io): Promise<HostWindow> {
  const { folder, hasher, blockBytes } = options
  const { path, close } = await openFolder(host, folder, io).catch((error: unknown) => {
    if (!(error instanceof BkpError && error.code === 'command.failed')) throw error
    throw new BkpError('repository.plane_unavailable', error.message, { cause: error })
  })
  const unit = copyUnit(blockBytes)

  return Object.freeze({
    pathOf: place => Buffer.from(`${path}/${place}`),
    copy: async (root, file, blocks, ownIo) => {
      const source = joinPath(root.source, file.path)
      const pairs = blocks.flatMap(({ place, block }) => [`${place}`, `${block}`])
      const words = [path, hasher, source, `${unit.bytes}`, `${unit.ofBlock}`, ...pairs]
      const exit = await host.run({ argv: ['sh', '-c', copyScript, 'sh', ...words] }, ownIo)
      return readCopies(host, source, exit, blocks)
    },
    pack: async (root, files, place, ownIo) => {
      // A root that is a file has no folder to be packed from.
      const names = files.map(file => Buffer.concat([Buffer.from('./'), file.path, Buffer.of(0)]))
      const mostBlocks = `${Math.ceil((2 * blockBytes) / 512)}`
      const words = [path, hasher, root.source, `${place}`, mostBlocks]
      const scripts = [copyFilesScript, joinFilesScript]
      const exit = await host.run(
        {
          argv: ['sh', '-c', packScript, 'sh', ...words, ...scripts],
          stdin: Buffer.concat(names),
        },
        ownIo,
      )
      return readPack(host, exit, files.length)
    },
    close,
  } satisfies HostWindow)
}

/** What a full disk or folder in memory says. */
const isFull = /No space left|[Qq]uota exceeded|error writing|[Ww]rite error|File too large/

function readCopies(
  host: Host,
  source: Uint8Array,
  exit: Exit,
  blocks: readonly { readonly place: number }[],
): readonly Copied[] {
  const copies = new Map<number, Copied>()
  for (const line of Buffer.from(exit.stdout).toString('latin1').split('\n')) {
    const [, place, length, sum] = /^B (\d+) (\d+) ([0-9a-f]{64})$/.exec(line) ?? []
    if (place !== undefined && sum !== undefined) {
      copies.set(Number(place), { lengthBytes: Number(length), sha256: Buffer.from(sum, 'hex') })
    }
    const [, why] = /^X \d+ (.*)$/.exec(line) ?? []
    if (why === undefined) continue
    if (isFull.test(why)) throw unavailable(host, 'its window is full', exit)
    const shown = escapeControls(Buffer.from(why, 'latin1').toString().trim(), { newlines: false })
    throw new BkpError('file.unreadable', `${showPath(source)} cannot be read: ${shown}`)
  }
  return blocks.map(({ place }) => {
    const copy = copies.get(place)
    if (copy === undefined) throw unavailable(host, 'a block could not be hashed there', exit)
    return copy
  })
}

function readPack(host: Host, exit: Exit, count: number): WindowPack {
  const fail = (): BkpError => unavailable(host, 'small files could not be packed there', exit)
  const marks: string[] = []
  const sizes: number[] = []
  const sums: Uint8Array[] = []
  let whole: Copied | undefined
  for (const line of Buffer.from(exit.stdout).toString('latin1').split('\n')) {
    const [, kind, rest = ''] = /^([MSHP]) (.*)$/.exec(line) ?? []
    const sum = /^[0-9a-f]{64}/.exec(rest)?.[0]
    if (kind === 'M') marks.push(...rest)
    else if (kind === 'S') sizes.push(Number(rest))
    else if (kind === 'H' && sum !== undefined) sums.push(Buffer.from(sum, 'hex'))
    else if (kind === 'P') {
      const [, length, ofAll] = /^(\d+) ([0-9a-f]{64})$/.exec(rest) ?? []
      if (ofAll === undefined) throw fail()
      whole = { lengthBytes: Number(length), sha256: Buffer.from(ofAll, 'hex') }
    }
  }
  const there = marks.filter(mark => mark === 'Y').length
  if (exit.code !== 0 || whole === undefined || marks.length !== count) throw fail()
  if (sizes.length !== there || sums.length !== there) throw fail()
  let index = 0
  let offset = 0
  const files = marks.map((mark): PackedFile => {
    const [sizeBytes, sha256] = [sizes[index], sums[index]]
    if (mark !== 'Y' || sizeBytes === undefined || sha256 === undefined) return undefined
    const file = { offset, sizeBytes, sha256 }
    index += 1
    offset += sizeBytes
    return file
  })
  if (offset !== whole.lengthBytes) throw fail()
  return { ...whole, files }
}

/** The host cannot do it, after all. */
function unavailable(host: Host, what: string, exit: Exit): BkpError {
  const said = Buffer.from(exit.stderr).toString().trim().split('\n').at(-1) ?? ''
  const shown = escapeControls(said.slice(0, 300), { newlines: false })
  return new BkpError(
    'repository.plane_unavailable',
    `${host.name}: ${what}${shown === '' ? '' : `: ${shown}`}`,
    { details: { host: host.name } },
  )
}
