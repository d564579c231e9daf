import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { type BlockTable, createBlockTable } from '../block-table.ts'
import { listRegisters, readRegister } from '../catalogue.ts'
import { failedCheck } from '../checks.ts'
import type { GarbageState } from '../garbage.ts'
import type { BackupBlock } from '../manifest_pb.ts'
import { blockKey } from '../names.ts'
import { namedBlocks, readBlockList } from '../read.ts'
import type { Backup, Repository } from '../repository.ts'

/** The blocks of a repository that a session may name: read once for as long as that is sound. */
export interface KnownBlocks {
  /** To be called after the session was announced. @throws storage.* */
  forSession(garbage: GarbageState, io: Io): Promise<BlockTable>
  /** Blocks that a session of that generation stored or named, once it has committed. */
  add(generation: number, blocks: AsyncIterable<BackupBlock>): Promise<void>
}

/**
 * Blocks of live manifests that are not condemned. They stay good while no vacuum was planned since:
 * one that is planned later finds the session. Of a damaged manifest, and of one that failed its last
 * verification, nothing is used.
 */
export function createKnownBlocks(repo: Repository): KnownBlocks {
  let known: { readonly generation: number; readonly table: BlockTable } | undefined
  return Object.freeze({
    forSession: async (garbage, io) => {
      if (known?.generation === garbage.generation) return known.table
      const table = await readBlocks(repo, garbage, io)
      known = { generation: garbage.generation, table }
      return table
    },
    add: async (generation, blocks) => {
      if (known?.generation !== generation) return
      for await (const block of blocks) addTo(known.table, block)
    },
  } satisfies KnownBlocks)
}

async function readBlocks(repo: Repository, garbage: GarbageState, io: Io): Promise<BlockTable> {
  const table = createBlockTable()
  const add = (block: BackupBlock): void => {
    if (!garbage.isCondemned(block)) addTo(table, block)
  }
  // Neighbours share most of their lists: each is read once.
  const seen = new Set<string>()
  for (const { name, forgotten } of await listRegisters(repo, io)) {
    if (forgotten) continue
    try {
      const manifest = await readRegister(repo, name, io)
      if (manifest === undefined || (await failedCheck(repo, name, io))) continue
      for (const block of namedBlocks(manifest)) add(block)
      const lists = manifest.blocks.filter(block => !seen.has(blockKey(block)))
      // Without any list the blocks are those of the files; with none left, all are known.
      if (lists.length === 0 && manifest.blocks.length > 0) continue
      const backup: Backup = { name, manifest: { ...manifest, blocks: lists } }
      for await (const block of readBlockList(repo, backup, io)) {
        io.signal.throwIfAborted()
        add(block)
      }
      for (const block of lists) seen.add(blockKey(block))
    } catch (error) {
      // What cannot be read is sent again.
      if (!(error instanceof BkpError) || !error.code.startsWith('repository.')) throw error
    }
  }
  return table
}

function addTo(table: BlockTable, { blockId, generation, blockSize }: BackupBlock): void {
  table.add(Buffer.from(blockId, 'hex'), { generation, sizeBytes: Number(blockSize) })
}
