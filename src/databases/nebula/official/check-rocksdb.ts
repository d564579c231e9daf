import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { readLiveFiles } from './live-files.ts'
import type { OfficialFile, OfficialPlace } from './place.ts'

/** A `data` folder of a checkpoint, by the names of its files. */
export type DataFiles = ReadonlyMap<string, OfficialFile>

const currentLimitBytes = 4096
const currentPattern = /^(MANIFEST-\d{1,20})\n$/

/**
 * Checks a RocksDB that was copied: CURRENT names a MANIFEST that is there and whole, and every file
 * that this one needs is there with its size. Gives how many SSTs it needs. Blocks of SSTs have sums of
 * their own, which only RocksDB itself reads. @throws storage.*, ssh.*
 */
export async function checkRocksDb(
  place: OfficialPlace,
  backup: string,
  files: DataFiles,
  tell: (name: string, problem: string) => void,
  io: Io,
): Promise<number> {
  const current = files.get('CURRENT')
  if (current === undefined) {
    tell('CURRENT', 'is not there')
    return 0
  }
  if (current.sizeBytes > currentLimitBytes) {
    tell('CURRENT', `has ${current.sizeBytes} bytes`)
    return 0
  }
  const parts: Uint8Array[] = []
  for await (const part of place.read(backup, current, io)) parts.push(Uint8Array.from(part))
  const manifestName = currentPattern.exec(Buffer.concat(parts).toString('latin1'))?.[1]
  if (manifestName === undefined) {
    tell('CURRENT', 'does not name a MANIFEST')
    return 0
  }
  const manifest = files.get(manifestName)
  if (manifest === undefined) {
    tell(manifestName, 'is not there, and CURRENT names it')
    return 0
  }
  try {
    const { ssts, blobs } = await readLiveFiles(place.read(backup, manifest, io))
    for (const [name, sizeBytes] of ssts) {
      const there = files.get(name)
      if (there === undefined) tell(name, `is not there, and ${manifestName} needs it`)
      else if (there.sizeBytes !== sizeBytes) {
        tell(name, `has ${there.sizeBytes} bytes; ${manifestName} says ${sizeBytes}`)
      }
    }
    for (const name of blobs) {
      if (!files.has(name)) tell(name, `is not there, and ${manifestName} needs it`)
    }
    return ssts.size
  } catch (error) {
    if (!(error instanceof BkpError) || error.code !== 'nebula.backup_invalid') throw error
    tell(manifestName, error.message)
    return 0
  }
}
