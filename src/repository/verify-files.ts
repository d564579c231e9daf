import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { entriesInScope, type FileScope } from './extract/scope.ts'
import { showFile } from './logical-path.ts'
import { sha256 } from './manifest.ts'
import type { BackupFile } from './manifest_pb.ts'
import { blockKey, dataPrefix } from './names.ts'
import { namedBlocks, readBlockList } from './read.ts'
import type { Backup, Repository } from './repository.ts'
import { runSideBySide } from './side-by-side.ts'
import { type BadBlock, isDamage, manifestFault, type VerifyFault } from './verify-faults.ts'
import { type VerifyTools, withBlock } from './verify-tools.ts'

/**
 * Walks the files of every backup: names those that a bad block belongs to, and, with tools to read
 * data, checks each packed range by the file's own sha256.
 */
export async function nameAffected(
  repo: Repository,
  backups: readonly Backup[],
  bad: ReadonlyMap<string, BadBlock>,
  { reading, files = {} }: { readonly reading?: VerifyTools; readonly files?: FileScope },
  io: Io,
): Promise<readonly VerifyFault[]> {
  const faults: VerifyFault[] = []
  const named = new Set<string>()
  const blame = (fault: BadBlock, backup: Backup, files: readonly string[]): void => {
    named.add(fault.block)
    faults.push({ ...fault, files, backups: [backup.name] })
  }
  for (const backup of backups) {
    for (const block of namedBlocks(backup.manifest)) {
      const fault = bad.get(nameOf(block))
      if (fault !== undefined) blame(fault, backup, [])
    }
    const wrong = (file: BackupFile, fault: BadBlock): void =>
      blame(fault, backup, [showFile(file)])
    try {
      await runSideBySide(reading?.inFlight ?? 1, io, async (begin, ownIo) => {
        const ranges =
          reading === undefined ? undefined : createRangeCheck(repo, bad, reading, wrong)
        for await (const file of entriesInScope(repo, backup, files, ownIo)) {
          for (const block of file.blocks) {
            const fault = bad.get(nameOf(block))
            if (fault !== undefined) wrong(file, fault)
          }
          const check = ranges?.take(file)
          if (check !== undefined) await begin(() => check(ownIo))
        }
        const last = ranges?.last()
        if (last !== undefined) await begin(() => last(ownIo))
      })
    } catch (thrown) {
      const error = asBkpError(thrown)
      if (!isDamage(error)) throw error
      const fault = manifestFault(error, [backup.name])
      named.add(fault.block)
      faults.push(fault)
    }
  }
  // Blocks of files behind a list that cannot be read: their backups at least are named.
  const rest = new Map([...bad].filter(([block]) => !named.has(block)))
  if (rest.size > 0)
    for (const backup of backups) faults.push(...(await listing(repo, backup, rest, io)))
  return faults
}

async function listing(
  repo: Repository,
  backup: Backup,
  bad: ReadonlyMap<string, BadBlock>,
  io: Io,
): Promise<readonly VerifyFault[]> {
  const faults: VerifyFault[] = []
  try {
    for await (const block of readBlockList(repo, backup, io)) {
      const fault = bad.get(nameOf(block))
      if (fault !== undefined) faults.push({ ...fault, files: [], backups: [backup.name] })
    }
  } catch (thrown) {
    const error = asBkpError(thrown)
    if (!isDamage(error)) throw error
    // Already reported, when the list was first read.
  }
  return faults
}

type Block = BackupFile['blocks'][number]

function nameOf(block: Block): string {
  return blockKey(block).slice(dataPrefix.length)
}

/** Checks the ranges that neighbours have in one pack. */
type PackCheck = (io: Io) => Promise<void>

/** Neighbours share a pack: it is read once for all of them, when the next one begins. */
function createRangeCheck(
  repo: Repository,
  bad: ReadonlyMap<string, BadBlock>,
  tools: VerifyTools,
  wrong: (file: BackupFile, fault: BadBlock) => void,
): {
  /** Gives the check of the pack before this file's, where that is another one. */
  take(file: BackupFile): PackCheck | undefined
  last(): PackCheck | undefined
} {
  let pack: { readonly block: Block; readonly files: BackupFile[] } | undefined
  const checkOf =
    ({ block, files }: NonNullable<typeof pack>): PackCheck =>
    async io => {
      await withBlock(repo, block, tools, io, bytes => {
        for (const file of files) {
          if (!hasRange(file, bytes)) wrong(file, wrongRange(file, nameOf(block)))
        }
      })
    }
  return {
    take: file => {
      const [block, second] = file.blocks
      if (block === undefined || second !== undefined || file.sha256.length === 0) return undefined
      if (bad.has(nameOf(block))) return undefined
      // A block of its own: what it hashes to is its name.
      if (file.size === block.blockSize) {
        const isRight = Buffer.from(file.sha256).toString('hex') === block.blockId
        if (!isRight) wrong(file, wrongRange(file, nameOf(block)))
        return undefined
      }
      const isSame = pack !== undefined && nameOf(pack.block) === nameOf(block)
      const before = isSame || pack === undefined ? undefined : checkOf(pack)
      if (isSame) pack?.files.push(file)
      else pack = { block, files: [file] }
      return before
    },
    last: () => (pack === undefined ? undefined : checkOf(pack)),
  }
}

function hasRange(
  { blocks: [block], size, sha256: expected }: BackupFile,
  bytes: Uint8Array,
): boolean {
  if (block === undefined) return false
  return sha256(bytes.subarray(Number(block.offset), Number(block.offset + size))).equals(expected)
}

function wrongRange(file: BackupFile, block: string): BadBlock {
  return {
    block,
    code: 'repository.block_corrupt',
    message: `${showFile(file)} does not hash to what its manifest says`,
  }
}
