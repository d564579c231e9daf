import { BkpError } from '../base/errors.ts'
import { readLimits } from './geometry.ts'
import { isBelow, pathFault, showFile } from './logical-path.ts'
import { type BackupBlock, type BackupFile, BackupFile_Type } from './manifest_pb.ts'
import { isBlockId } from './names.ts'

/** Says which manifest and field break the format. */
export type Complain = (field: string, what: string) => BkpError

/** Makes the errors of one manifest. */
export function complainAbout(manifest: string): Complain {
  return (field, what) =>
    new BkpError('repository.manifest_invalid', `manifest ${manifest}: ${field} ${what}`, {
      hint: 'use another backup, and run bkp verify to see what else is damaged',
      details: { manifest, field },
    })
}

/** Largest size a number holds exactly. */
const largestSize = BigInt(Number.MAX_SAFE_INTEGER)

/** Names of hosts, users and groups: printable, bounded. */
export function nameFault(text: string): string | undefined {
  if (text.length > 255) return 'is longer than 255 characters'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  return /[\u0000-\u001f\u007f]/.test(text) ? 'holds a control character' : undefined
}

/** Checks one block reference. @throws repository.manifest_invalid */
export function checkBlock(
  block: BackupBlock,
  field: string,
  largestBytes: number,
  complain: Complain,
): void {
  if (!isBlockId(block.blockId))
    throw complain(`${field}.block_id`, 'is not 64 lower-case hex digits')
  if (block.blockSize < 1n || block.blockSize > BigInt(largestBytes)) {
    throw complain(`${field}.block_size`, `is ${block.blockSize}, not 1 to ${largestBytes}`)
  }
  if (block.generation > 999_999_999) throw complain(`${field}.generation`, 'is too large')
}

/** Checks one file entry by itself. @throws repository.manifest_invalid */
export function checkFile(file: BackupFile, complain: Complain): void {
  // Said only of a fault: making it for each of millions of files would take longer than checking.
  const fault = (field: string, what: string): BkpError =>
    complain(
      `file ${showFile({ host: file.host, path: file.path.subarray(0, 200) })} ${field}`,
      what,
    )
  const pathProblem = pathFault(file.path)
  if (pathProblem !== undefined) throw fault('path', pathProblem)
  const hostProblem = file.host === '' ? 'is empty' : nameFault(file.host)
  if (hostProblem !== undefined || file.host.includes('/')) {
    throw fault('host', hostProblem ?? 'holds a slash')
  }
  const rootProblem = pathFault(file.root)
  if (rootProblem !== undefined) throw fault('root', rootProblem)
  if (!isBelow(file.path, file.root)) throw fault('path', 'does not lie below its root')
  if (file.size < 0n || file.size > largestSize) throw fault('size', `is ${file.size}`)
  if (file.mode > 0o7777) throw fault('mode', 'holds more than permission bits')
  for (const field of ['user', 'group', 'etag'] as const) {
    const problem = nameFault(file[field])
    if (problem !== undefined) throw fault(field, problem)
  }
  if (file.sha256.length !== 0 && file.sha256.length !== 32) {
    throw fault('sha256', `is ${file.sha256.length} bytes long, not 32`)
  }
  checkContent(file, fault)
}

function checkContent(file: BackupFile, fault: Complain): void {
  switch (file.type) {
    case BackupFile_Type.FILE:
      if (file.symlinkTarget.length !== 0) throw fault('symlink_target', 'is set for a file')
      checkRanges(file, fault)
      return
    case BackupFile_Type.SYMLINK:
      if (file.symlinkTarget.length === 0 || file.symlinkTarget.length > readLimits.pathBytes) {
        throw fault('symlink_target', `is ${file.symlinkTarget.length} bytes long`)
      }
      if (file.symlinkTarget.includes(0)) throw fault('symlink_target', 'holds a NUL byte')
      break
    case BackupFile_Type.DIRECTORY:
      if (file.symlinkTarget.length !== 0) {
        throw fault('symlink_target', 'is set for a directory')
      }
      break
    default:
      throw fault('type', `is ${String(file.type)}, which this bkp does not know`)
  }
  if (file.blocks.length !== 0) throw fault('blocks', 'are set for what is no file')
  if (file.size !== 0n) throw fault('size', 'is set for what is no file')
}

/** A file is one range of one block, or whole blocks one after the other. */
function checkRanges(file: BackupFile, fault: Complain): void {
  for (const block of file.blocks) checkBlock(block, 'blocks', readLimits.blockBytes, fault)
  const [first, ...others] = file.blocks
  if (first === undefined) {
    if (file.size !== 0n) throw fault('blocks', `are missing for ${file.size} bytes`)
    return
  }
  if (file.size === 0n) throw fault('blocks', 'are set for an empty file')
  if (others.length === 0) {
    if (first.offset + file.size > first.blockSize) {
      throw fault('offset', 'and size reach beyond the end of the block')
    }
    if (file.size !== first.blockSize && file.sha256.length === 0) {
      throw fault('sha256', 'is missing for a packed file')
    }
    return
  }
  if (file.blocks.some(block => block.offset !== 0n)) {
    throw fault('offset', 'is set for a file of several blocks')
  }
  const sum = file.blocks.reduce((total, block) => total + block.blockSize, 0n)
  if (sum !== file.size) throw fault('size', `is ${file.size}, but its blocks hold ${sum}`)
}

/** What sorts entries: host, then path, by bytes. */
export function fileSortKey(host: string, path: Uint8Array): Buffer {
  const hostBytes = hostKey(host)
  const key = Buffer.allocUnsafe(hostBytes.length + path.length)
  key.set(hostBytes)
  key.set(path, hostBytes.length)
  return key
}

let lastHost: { readonly host: string; readonly key: Buffer } | undefined

/** The host and a NUL. Neighbours have the same host: its bytes are made once. */
function hostKey(host: string): Buffer {
  if (lastHost?.host !== host) lastHost = { host, key: Buffer.from(`${host}\0`) }
  return lastHost.key
}

/** What is wrong with an entry's place among those before it. */
export type OrderFault = 'is there twice' | 'is out of order' | 'lies below what is no directory'

/**
 * Looks at entries one after the other, in memory that does not grow: they must ascend strictly (so
 * none is there twice), and none may lie below a file or a symbolic link.
 */
export function createOrderCheck(): (file: BackupFile) => OrderFault | undefined {
  let previous: Pick<BackupFile, 'host' | 'path'> | undefined
  // Non-directories whose path is a byte prefix of the entry at hand; sorted input keeps it a stack.
  let prefixes: Uint8Array[] = []
  return ({ host, path, type }) => {
    const order = previous === undefined ? -1 : compareEntries(previous, { host, path })
    if (order === 0) return 'is there twice'
    if (order > 0) return 'is out of order'
    if (previous?.host !== host) prefixes = []
    previous = { host, path }
    // Each is a prefix of those after it: where the last one is of this entry, all of them are.
    for (let last = prefixes.at(-1); last !== undefined; last = prefixes.at(-1)) {
      if (Buffer.compare(path.subarray(0, last.length), last) === 0) break
      prefixes.pop()
    }
    if (prefixes.some(prefix => path[prefix.length] === 0x2f)) {
      return 'lies below what is no directory'
    }
    if (type !== BackupFile_Type.DIRECTORY) prefixes.push(path)
    return undefined
  }
}

/** The order of `fileSortKey`; of two on one host, without making the keys. */
function compareEntries(
  a: Pick<BackupFile, 'host' | 'path'>,
  b: Pick<BackupFile, 'host' | 'path'>,
): number {
  return a.host === b.host
    ? Buffer.compare(a.path, b.path)
    : Buffer.compare(fileSortKey(a.host, a.path), fileSortKey(b.host, b.path))
}

/** Checks a manifest's entries, each by itself and in its place. @throws repository.manifest_invalid */
export function createFileChecker(manifest: string): (file: BackupFile) => void {
  const complain = complainAbout(manifest)
  const place = createOrderCheck()
  return file => {
    checkFile(file, complain)
    const fault = place(file)
    if (fault !== undefined) throw complain(`file ${showFile(file)}`, fault)
  }
}
