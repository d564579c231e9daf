import { encodeBlock, encodeFile } from './file-codec.ts'
import { unique } from './list-writer.ts'
import { type BackupBlock, type BackupFile, BackupFile_Type } from './manifest_pb.ts'
import type { Scratch } from './scratch.ts'
import { createSorter, type Sorted } from './sorter.ts'
import { checkFile, complainAbout, fileSortKey } from './validate-files.ts'

/** Sizes in bytes. */
export interface Totals {
  readonly files: number
  readonly bytes: number
  /** Bytes of files that were not sent. */
  readonly reusedBytes: number
}

/** The entries of a backup that are safely stored, in any order of arrival. */
export interface Collector {
  /**
   * Takes an entry once every block it names is acknowledged. Waits for that only when very many
   * are under way; a failure comes out of `settled`, and of every call after it.
   */
  add(file: BackupFile, stored: readonly Promise<void>[], reusedBytes: number): Promise<void>
  /** Waits until all entries so far are in. @throws the first failure */
  settled(): Promise<void>
  /** Entries so far, by (host, path); may be called while more are added. */
  entries(): AsyncIterable<Sorted>
  /** Their blocks by (id, generation), each once. Taken after `entries`, holds at least theirs. */
  blocks(): AsyncIterable<Sorted>
  totals(): Totals
}

/** Entries waiting for their blocks before the caller waits too. */
const mostUnderWay = 4096

/** References remembered, so as not to take them twice. */
const mostRecent = 1024

/** Collects the entries of the manifest of that name. */
export function createCollector(
  scratch: Scratch,
  manifest: string,
  onFailure: (error: unknown) => void,
): Collector {
  const complain = complainAbout(manifest)
  const files = createSorter(scratch)
  const references = createSorter(scratch)
  const underWay = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  let totals: Totals = { files: 0, bytes: 0, reusedBytes: 0 }

  // Neighbours share packs: most references would be there a thousand times.
  const recent = new Set<string>()
  const refer = (block: BackupBlock): Promise<void> | undefined => {
    const identity = `${block.blockId} ${block.generation}`
    if (recent.has(identity)) return undefined
    if (recent.size >= mostRecent) recent.clear()
    recent.add(identity)
    return references.add(referenceKey(block), encodeBlock({ ...block, offset: 0n }))
  }

  const take = async (
    file: BackupFile,
    stored: readonly Promise<void>[],
    reusedBytes: number,
  ): Promise<void> => {
    try {
      if (stored.length > 0) await Promise.all(stored)
      // What this bkp would refuse to read, it must not write.
      checkFile(file, complain)
      // References first: a snapshot of entries must never name more than one of references.
      for (const block of file.blocks) await refer(block)
      await files.add(fileSortKey(file.host, file.path), encodeFile(file))
      totals = {
        files: totals.files + (file.type === BackupFile_Type.FILE ? 1 : 0),
        bytes: totals.bytes + Number(file.size),
        reusedBytes: totals.reusedBytes + reusedBytes,
      }
    } catch (error) {
      if (failure === undefined) onFailure(error)
      failure ??= { error }
    }
  }

  return Object.freeze({
    add: async (file, stored, reusedBytes) => {
      if (failure !== undefined) throw failure.error
      if (stored.length === 0) return await take(file, stored, reusedBytes)
      const taking = take(file, stored, reusedBytes).finally(() => underWay.delete(taking))
      underWay.add(taking)
      if (underWay.size >= mostUnderWay) await Promise.all(underWay)
    },
    settled: async () => {
      while (underWay.size > 0) await Promise.all(underWay)
      if (failure !== undefined) throw failure.error
    },
    entries: () => files.sorted(),
    blocks: () => unique(references.sorted()),
    totals: () => totals,
  } satisfies Collector)
}

/** What sorts block references: id, then generation. */
function referenceKey(block: Pick<BackupBlock, 'blockId' | 'generation'>): Buffer {
  const key = Buffer.alloc(36)
  key.write(block.blockId, 'hex')
  key.writeUInt32BE(block.generation, 32)
  return key
}
