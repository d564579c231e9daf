import { createHash } from 'node:crypto'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { decodeBlock, decodeFile } from './file-codec.ts'
import { readLimits } from './geometry.ts'
import { getIfThere } from './get-if-there.ts'
import { showFile, showPath } from './logical-path.ts'
import { sha256 } from './manifest.ts'
import type { BackupBlock, BackupFile, BackupManifest } from './manifest_pb.ts'
import { blockKey } from './names.ts'
import type { Backup, Repository } from './repository.ts'
import { checkBlock, complainAbout, createFileChecker } from './validate-files.ts'
import type { Workers } from './workers/contract.ts'

/** What names a block: enough to fetch and to check it. */
export type BlockName = Pick<BackupBlock, 'blockId' | 'blockSize' | 'generation'>

/**
 * The file entries of a backup, sorted by (host, path) in byte order, each checked as untrusted
 * data. Streams: holds one list block at a time. Databend's `metasrv` is not among them.
 * @throws repository.manifest_invalid, repository.block_missing, repository.block_corrupt
 */
export async function* readFileEntries(
  repo: Repository,
  backup: Backup,
  io: Io,
): AsyncIterable<BackupFile> {
  yield* backup.manifest.storage
  const check = createFileChecker(backup.name)
  for (const block of backup.manifest.storageIndex) {
    const bytes = await fetchBlock(repo, block, io)
    for (const entry of listEntries(bytes, backup.name)) {
      const file = parseList(() => decodeFile(entry), backup.name)
      check(file)
      yield file
    }
  }
}

/**
 * The data blocks of a backup, sorted and unique by (id, generation): the contents of `blocks`,
 * without the list blocks the manifest names itself. A manifest without that list (made by another
 * tool) gives the blocks of its entries, unsorted and perhaps twice.
 * @throws repository.manifest_invalid, repository.block_missing, repository.block_corrupt
 */
export async function* readBlockList(
  repo: Repository,
  backup: Backup,
  io: Io,
): AsyncIterable<BackupBlock> {
  const complain = complainAbout(backup.name)
  if (backup.manifest.blocks.length === 0) {
    for await (const file of readFileEntries(repo, backup, io)) yield* file.blocks
    return
  }
  for (const listBlock of backup.manifest.blocks) {
    const bytes = await fetchBlock(repo, listBlock, io)
    for (const entry of listEntries(bytes, backup.name)) {
      const block = parseList(() => decodeBlock(entry), backup.name)
      checkBlock(block, 'blocks', readLimits.blockBytes, complain)
      yield block
    }
  }
}

/** The blocks a manifest names itself: lists, recovery kit, inline `metasrv`. Not those of files. */
export function namedBlocks(manifest: BackupManifest): readonly BackupBlock[] {
  return [
    ...manifest.storageIndex,
    ...manifest.blocks,
    ...(manifest.backupMeta?.recoveryKit ?? []),
    ...(manifest.metasrv?.blocks ?? []),
  ]
}

/** Field 1 of a list message: one entry. */
const entryField = 1

/**
 * The entries of a list block, one after the other: as objects all at once they would take many times
 * the bytes of the block. @throws repository.manifest_invalid
 */
function* listEntries(bytes: Uint8Array, name: string): Iterable<Uint8Array> {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const entry = parseList(() => {
      const [field, type] = reader.tag()
      if (field === entryField && type === WireType.LengthDelimited) return reader.bytes()
      // What a newer tool says beside the entries.
      reader.skip(type, field)
      return undefined
    }, name)
    if (entry !== undefined) yield entry
  }
}

function parseList<T>(parse: () => T, name: string): T {
  try {
    return parse()
  } catch (error) {
    throw new BkpError('repository.manifest_invalid', `manifest ${name}: a list block is no list`, {
      cause: error,
      details: { manifest: name },
    })
  }
}

/**
 * A whole block, its length and sha256 checked. With help it may come in that buffer, and a worker
 * checks it.
 * @throws repository.block_missing, repository.block_corrupt (details: block), storage.*
 */
export async function fetchBlock(
  repo: Repository,
  block: BlockName,
  io: Io,
  help?: { readonly workers: Pick<Workers, 'hash'>; readonly buffer: Uint8Array },
): Promise<Uint8Array> {
  const key = blockKey(block)
  const found = await getIfThere(repo.storage, key, io, help?.buffer)
  if (found === undefined) {
    throw new BkpError('repository.block_missing', `block ${key} is not in ${repo.url}`, {
      hint: 'run bkp verify to see which files and backups it belongs to',
      details: { block: block.blockId, key },
    })
  }
  // What shares its buffer with other things cannot be handed to another thread.
  const canMove =
    found.buffer instanceof SharedArrayBuffer || found.byteLength === found.buffer.byteLength
  const { bytes, sha256: id } =
    help !== undefined && canMove
      ? await help.workers.hash(found)
      : { bytes: found, sha256: sha256(found) }
  if (
    Buffer.from(id).toString('hex') !== block.blockId ||
    BigInt(bytes.length) !== block.blockSize
  ) {
    throw new BkpError(
      'repository.block_corrupt',
      `block ${key} in ${repo.url} does not hold what its name says`,
      {
        hint: 'run bkp verify --read-data to see which files and backups it belongs to',
        details: { block: block.blockId, key },
      },
    )
  }
  return bytes
}

/**
 * The bytes of a file, in order, each block checked before a byte of it is given out; a packed
 * range by the file's own sha256. Nothing for an empty file.
 * @throws repository.block_missing, repository.block_corrupt (details: block, host, path)
 */
export async function* readFileContent(
  repo: Repository,
  file: BackupFile,
  io: Io,
): AsyncIterable<Uint8Array> {
  const whole = createHash('sha256')
  for (const block of file.blocks) {
    const bytes = await fetchBlock(repo, block, io)
    const part =
      file.blocks.length === 1
        ? bytes.subarray(Number(block.offset), Number(block.offset + file.size))
        : bytes
    if (file.sha256.length !== 0) {
      whole.update(part)
      const isLast = block === file.blocks.at(-1)
      if (isLast && !whole.digest().equals(file.sha256)) throw wrongContent(file, block)
    }
    yield part
  }
}

function wrongContent(file: BackupFile, block: BackupBlock): BkpError {
  const path = showPath(file.path)
  return new BkpError(
    'repository.block_corrupt',
    `${showFile(file)} does not hash to what its manifest says`,
    {
      hint: 'run bkp verify --read-data to see what else is damaged',
      details: { block: block.blockId, host: file.host, path },
    },
  )
}
