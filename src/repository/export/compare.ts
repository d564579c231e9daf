import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../../storage/contract.ts'
import { compareKeys } from '../../storage/key.ts'
import { decodeFile, encodeFile } from '../file-codec.ts'
import { showFile } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import { readFileEntries } from '../read.ts'
import { createScratch, type Scratch } from '../scratch.ts'
import { createSorter, openCursor } from '../sorter.ts'
import type { Export, ExportDifference } from './contract.ts'

/** A file and its place; `there` where an object of its size is in it. */
export interface ExportedFile {
  readonly key: Key
  readonly file: BackupFile
  readonly isThere: boolean
}

const shownForeign = 10

/** What an export would write. Reads no object. @throws restore.target_invalid, repository.*, storage.* */
export async function compareExport(wanted: Export, io: Io): Promise<ExportDifference> {
  const missing = { files: 0, bytes: 0 }
  const present = { files: 0, bytes: 0 }
  const foreign = { count: 0, first: [] as string[] }
  const tell = (key: string): void => {
    foreign.count += 1
    if (foreign.first.length < shownForeign) foreign.first.push(key)
  }
  for await (const { file, isThere } of exportedFiles(wanted, tell, io)) {
    const amount = isThere ? present : missing
    amount.files += 1
    amount.bytes += Number(file.size)
  }
  return { missing, present, foreign }
}

/** All files in byte order of their keys, compared with one listing of the area. */
export async function* exportedFiles(
  wanted: Export,
  foreign: (key: string) => void,
  io: Io,
): AsyncIterable<ExportedFile> {
  const scratch = createScratch(wanted.scratchFolder)
  try {
    const files = await sortedFiles(wanted, scratch, io)
    const there = await openCursor<ObjectInfo>(wanted.target.list(wanted.area, io))
    const tellOfForeign = (): void => {
      if (there.value !== undefined && there.value.key !== wanted.last) foreign(there.value.key)
    }
    let last: Key | undefined
    for await (const { key, file } of files) {
      io.signal.throwIfAborted()
      if (key === last) throw twice(file, key)
      last = key
      while (there.value !== undefined && compareKeys(there.value.key, key) < 0) {
        tellOfForeign()
        await there.next()
      }
      const object = there.value?.key === key ? there.value : undefined
      yield { key, file, isThere: object !== undefined && BigInt(object.sizeBytes) === file.size }
      if (object !== undefined) await there.next()
    }
    while (there.value !== undefined) {
      tellOfForeign()
      await there.next()
    }
  } finally {
    await scratch.close()
  }
}

async function sortedFiles(
  { repo, backup, keyOf }: Export,
  scratch: Scratch,
  io: Io,
): Promise<AsyncIterable<{ readonly key: Key; readonly file: BackupFile }>> {
  const sorter = createSorter(scratch)
  for await (const file of readFileEntries(repo, backup, io)) {
    io.signal.throwIfAborted()
    if (file.type === BackupFile_Type.DIRECTORY) continue
    if (file.type !== BackupFile_Type.FILE) throw noFile(file)
    const key = keyOf(file)
    if (key !== undefined) await sorter.add(Buffer.from(key), encodeFile(file))
  }
  return (async function* () {
    for await (const { key, value } of sorter.sorted()) {
      yield { key: key.toString() as Key, file: decodeFile(value) }
    }
  })()
}

function noFile(file: BackupFile): BkpError {
  return new BkpError('restore.target_invalid', `${showFile(file)} cannot become an object`, {
    hint: 'it is no regular file: repository.stage restores it on a host',
  })
}

function twice(file: BackupFile, key: Key): BkpError {
  return new BkpError(
    'restore.target_invalid',
    `${showFile(file)} and another file are both ${key}`,
  )
}
