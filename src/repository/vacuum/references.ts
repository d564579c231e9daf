import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { readRegister } from '../catalogue.ts'
import type { BackupName } from '../names.ts'
import { namedBlocks, readBlockList } from '../read.ts'
import type { Repository } from '../repository.ts'
import type { Scratch } from '../scratch.ts'
import { createSorter } from '../sorter.ts'
import { type BlockLine, lineOf } from './block-listing.ts'

/** Every block that backups reference, kept out of memory. */
export interface References {
  /**
   * Adds what these backups reference. A manifest never changes, so one that was read is not read
   * again. @throws repository.*, storage.*: then nothing may be planned or deleted
   */
  add(names: readonly BackupName[], io: Io): Promise<void>
  /**
   * Adds what pinned backups reference. One that was swept before it was pinned cannot be held any
   * more, and holds nothing up.
   */
  addPinned(names: readonly BackupName[], io: Io): Promise<void>
  /** In order, each once. */
  lines(): AsyncIterable<BlockLine>
}

const nothing = Buffer.alloc(0)
/** References remembered, so as not to take them twice: neighbours share packs. */
const mostRecent = 1024

export function createReferences(repo: Repository, scratch: Scratch): References {
  const sorter = createSorter(scratch)
  const read = new Set<BackupName>()
  // Backups that build on each other share most lists of blocks.
  const lists = new Set<BlockLine>()
  const recent = new Set<BlockLine>()

  const refer = async (line: BlockLine): Promise<void> => {
    if (recent.has(line)) return
    if (recent.size >= mostRecent) recent.clear()
    recent.add(line)
    const written = sorter.add(Buffer.from(line, 'latin1'), nothing)
    if (written !== undefined) await written
  }

  const addOne = async (name: BackupName, io: Io): Promise<void> => {
    if (read.has(name)) return
    const manifest = await readRegister(repo, name, io)
    if (manifest !== undefined) {
      for (const block of namedBlocks(manifest)) await refer(lineOf(block))
      const unread = manifest.blocks.filter(block => !lists.has(lineOf(block)))
      if (manifest.blocks.length === 0 || unread.length > 0) {
        const backup = { name, manifest: { ...manifest, blocks: unread } }
        for await (const block of readBlockList(repo, backup, io)) await refer(lineOf(block))
      }
      for (const block of unread) lists.add(lineOf(block))
    }
    read.add(name)
  }

  return Object.freeze({
    add: async (names, io) => {
      for (const name of names) {
        io.signal.throwIfAborted()
        await addOne(name, io)
      }
    },
    addPinned: async (names, io) => {
      for (const name of names) {
        try {
          await addOne(name, io)
        } catch (error) {
          if (!(error instanceof BkpError) || error.code !== 'repository.block_missing') throw error
        }
      }
    },
    lines: async function* () {
      let last: BlockLine | undefined
      for await (const { key } of sorter.sorted()) {
        const line = key.toString('latin1')
        if (line !== last) yield line
        last = line
      }
    },
  } satisfies References)
}
