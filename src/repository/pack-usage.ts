import type { BackupBlock, BackupFile } from './manifest_pb.ts'

/** How much of each pack the files of a backup still use. */
export interface PackUsage {
  /** Counts a file of the backup; those that are not packed do not matter. */
  count(file: Pick<BackupFile, 'blocks' | 'size'>): void
  /**
   * Whether a file lies in a pack of which less than half is used: it is then stored anew, so that
   * later backups do not name the pack any more and a vacuum can free it.
   */
  isSparse(file: Pick<BackupFile, 'blocks' | 'size'>): boolean
}

/** Holds a number for each pack, not for each file. */
export function createPackUsage(): PackUsage {
  const used = new Map<string, number>()
  return Object.freeze({
    count: file => {
      const pack = packOf(file)
      if (pack === undefined) return
      used.set(pack.blockId, (used.get(pack.blockId) ?? 0) + Number(file.size))
    },
    isSparse: file => {
      const pack = packOf(file)
      const bytes = pack === undefined ? undefined : used.get(pack.blockId)
      return pack !== undefined && bytes !== undefined && bytes * 2 < Number(pack.blockSize)
    },
  } satisfies PackUsage)
}

/** The pack a file lies in; nothing for one that has its blocks for itself. */
function packOf({ blocks, size }: Pick<BackupFile, 'blocks' | 'size'>): BackupBlock | undefined {
  const [block] = blocks
  return blocks.length === 1 && block !== undefined && size < block.blockSize ? block : undefined
}
