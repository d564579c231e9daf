import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { BackupMeta } from '../contract.ts'
import { decodeMetaFile, metaFileLayout } from '../meta-file.ts'
import { metaFileName, type OfficialLayout, safeAddress } from './layout.ts'
import type { OfficialPlace } from './place.ts'

/** A `.meta` file that was read, decoded and checked. */
export interface OfficialMeta {
  readonly meta: BackupMeta
  /** Whether its length stands before it: not with A, nor with BR before June 2021 (specs/nebula.md §5.1). */
  readonly framed: boolean
  /** What the BR that wrote it lays out. */
  readonly layout: OfficialLayout
  /** As it is in the place. */
  readonly bytes: Uint8Array
}

/** A `.meta` names a log of each partition, a few dozen bytes each: more is a damaged one. */
const metaLimitBytes = 64 * 1024 * 1024
const baseName = /^[^/\p{C}]{1,255}$/u

/**
 * The `.meta` of a backup: it is written last, so that it says that the rest is there.
 * @throws nebula.backup_invalid (it is not there, damaged, or of another backup), storage.*
 */
export async function readOfficialMeta(
  place: OfficialPlace,
  backup: string,
  io: Io,
): Promise<OfficialMeta> {
  const name = metaFileName(backup)
  const file = await place.find(backup, name, io)
  if (file === undefined) throw broken(`${name} is not there: the backup did not end`)
  if (file.sizeBytes === 0) throw broken(`${name} is empty`)
  if (file.sizeBytes > metaLimitBytes) throw broken(`${name} is larger than any backup's`)
  const parts: Uint8Array[] = []
  for await (const part of place.read(backup, file, io)) parts.push(Uint8Array.from(part))
  const bytes = Buffer.concat(parts)
  if (bytes.length !== file.sizeBytes) throw broken(`only a part of ${name} came`)
  return { ...checkMeta(decode(bytes, name), backup), bytes }
}

/** Decodes the bytes of a `.meta`. @throws nebula.backup_invalid */
export function decodeOfficialMeta(bytes: Uint8Array, backup: string): Omit<OfficialMeta, 'bytes'> {
  return checkMeta(decode(bytes, metaFileName(backup)), backup)
}

function decode(bytes: Uint8Array, name: string): ReturnType<typeof decodeMetaFile> {
  try {
    return decodeMetaFile(bytes)
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    throw broken(`${name} is damaged: ${error.message}`, error)
  }
}

/** Names that become parts of paths, and what contradicts itself. */
function checkMeta(
  { meta, framed }: ReturnType<typeof decodeMetaFile>,
  backup: string,
): Omit<OfficialMeta, 'bytes'> {
  const file = metaFileName(backup)
  if (meta.name !== backup) throw broken(`${file} is of another backup`)
  const seen = new Set<number>()
  for (const { id, hosts } of meta.spaces) {
    if (!Number.isInteger(id) || id < 1 || seen.has(id)) throw broken(`${file} names space ${id}`)
    seen.add(id)
    const addresses = new Set<string>()
    for (const { host } of hosts) {
      const address = safeAddress(host)
      if (address === undefined || addresses.has(address)) {
        throw broken(`${file} names a host of space ${id} that cannot be one, or one twice`)
      }
      addresses.add(address)
    }
  }
  for (const name of meta.metaFiles) {
    if (!baseName.test(name) || name === '.' || name === '..') {
      throw broken(`${file} names a file of the metad that is no plain name`)
    }
  }
  if (meta.metaFiles.length === 0) throw broken(`${file} names no file of the metad`)
  return { meta, framed, layout: metaFileLayout(meta.generation) }
}

function broken(why: string, cause?: unknown): BkpError {
  return new BkpError('nebula.backup_invalid', why, cause === undefined ? {} : { cause })
}
