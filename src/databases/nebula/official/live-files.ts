import { BkpError } from '../../../base/errors.ts'
import { readLogRecords } from './log-records.ts'
import { readVersionEdit, type VersionEdit } from './version-edit.ts'

/** The files that a RocksDB needs, as its MANIFEST tells. */
export interface LiveFiles {
  /** Of each SST by its name (`000023.sst`), its size in bytes. */
  readonly ssts: ReadonlyMap<string, number>
  /** Names of blob files that still hold something; the MANIFEST does not tell their sizes. */
  readonly blobs: readonly string[]
}

/** What a MANIFEST may name at the same time: millions of files are a damaged one. */
const mostFiles = 4_000_000

/** Replays a MANIFEST. @throws nebula.backup_invalid where it is damaged or not whole */
export async function readLiveFiles(manifest: AsyncIterable<Uint8Array>): Promise<LiveFiles> {
  const families = new Map<number, Map<number, number>>()
  const blobs = new Map<number, number>()
  let group: VersionEdit[] = []
  let edits = 0
  const apply = (edit: VersionEdit): void => {
    edits += 1
    const files = families.get(edit.columnFamily) ?? new Map<number, number>()
    families.set(edit.columnFamily, files)
    // In this order: a file that moves to another level is in both lists.
    for (const number of edit.deleted) files.delete(number)
    for (const { number, sizeBytes } of edit.added) files.set(number, sizeBytes)
    for (const { number, count } of edit.blobs) blobs.set(number, (blobs.get(number) ?? 0) + count)
    for (const { number, count } of edit.blobGarbage) {
      blobs.set(number, (blobs.get(number) ?? 0) - count)
    }
    if (edit.dropsFamily) families.delete(edit.columnFamily)
    if (files.size > mostFiles) throw damaged(`names more than ${mostFiles} files`)
  }
  for await (const record of readLogRecords(manifest)) {
    const edit = readVersionEdit(record)
    if (edit.remainingInGroup === undefined) {
      if (group.length > 0) throw damaged('has a group of edits that is not whole')
      apply(edit)
      continue
    }
    group.push(edit)
    if (group.length > mostFiles) throw damaged('has a group of edits without an end')
    if (edit.remainingInGroup > 0) continue
    for (const each of group) apply(each)
    group = []
  }
  // What RocksDB would not apply either, but such a copy is not whole.
  if (group.length > 0) throw damaged('ends in a group of edits')
  if (edits === 0) throw damaged('is empty')
  const ssts = new Map<string, number>()
  for (const files of families.values()) {
    for (const [number, sizeBytes] of files) ssts.set(fileName(number, 'sst'), sizeBytes)
  }
  const used = [...blobs].flatMap(([number, count]) => (count > 0 ? [number] : []))
  return { ssts, blobs: used.map(number => fileName(number, 'blob')) }
}

function fileName(number: number, ending: string): string {
  return `${String(number).padStart(6, '0')}.${ending}`
}

function damaged(how: string): BkpError {
  return new BkpError('nebula.backup_invalid', how)
}
