import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { showFile } from './logical-path.ts'
import { sha256 } from './manifest.ts'
import type { BackupFile } from './manifest_pb.ts'
import { blockKey, dataPrefix } from './names.ts'
import { fetchBlock, namedBlocks, readBlockList, readFileEntries } from './read.ts'
import type { Backup, Repository } from './repository.ts'
import { type BadBlock, isDamage, manifestFault, type VerifyFault } from './verify-faults.ts'

/**
 * Walks the files of every backup: names those that a bad block belongs to, and, where data is read,
 * checks each packed range by the file's own sha256.
 */
export async function nameAffected(
  repo: Repository,
  backups: readonly Backup[],
  bad: ReadonlyMap<string, BadBlock>,
  readData: boolean,
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
    const checkRange = createRangeCheck(repo, bad)
    try {
      for await (const file of readFileEntries(repo, backup, io)) {
        io.signal.throwIfAborted()
        for (const block of file.blocks) {
          const fault = bad.get(nameOf(block))
          if (fault !== undefined) blame(fault, backup, [showFile(file)])
        }
        const wrong = readData ? await checkRange(file, io) : undefined
        if (wrong !== undefined) blame(wrong, backup, [showFile(file)])
      }
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

function nameOf(block: BackupFile['blocks'][number]): string {
  return blockKey(block).slice(dataPrefix.length)
}

/** Neighbours share a pack: it is held until the next one is needed. */
function createRangeCheck(
  repo: Repository,
  bad: ReadonlyMap<string, BadBlock>,
): (file: BackupFile, io: Io) => Promise<BadBlock | undefined> {
  let held: { readonly name: string; readonly bytes: Uint8Array } | undefined
  return async (file, io) => {
    const [block, second] = file.blocks
    if (block === undefined || second !== undefined || file.sha256.length === 0) return undefined
    const name = nameOf(block)
    if (bad.has(name)) return undefined
    if (held?.name !== name) held = { name, bytes: await fetchBlock(repo, block, io) }
    const range = held.bytes.subarray(Number(block.offset), Number(block.offset + file.size))
    if (sha256(range).equals(file.sha256)) return undefined
    return {
      block: name,
      code: 'repository.block_corrupt',
      message: `${showFile(file)} does not hash to what its manifest says`,
    }
  }
}
