import { createHash, timingSafeEqual } from 'node:crypto'
import { create, mergeFromBinary, toBinary } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { BkpError } from '../base/errors.ts'
import { decodeFile, encodeFile } from './file-codec.ts'
import { readLimits } from './geometry.ts'
import {
  type BackupFile,
  type BackupManifest,
  BackupManifest_State,
  BackupManifestSchema,
} from './manifest_pb.ts'
import { fileSortKey } from './validate-files.ts'
import { checkManifest } from './validate-manifest.ts'
import { delimitedHeader } from './wire.ts'

export type { BackupManifest } from './manifest_pb.ts'
export { BackupFile_Type } from './manifest_pb.ts'

/** The format this bkp writes, and the newest it reads. */
export const formatVersion = 1

/** Tag and length of the checksum field as it stands at the end of a manifest: field 15, 32 bytes. */
const checksumHeader = Uint8Array.of(0x7a, 0x20)
const checksumBytes = 32

/**
 * The manifest as bytes, ending in its checksum. `entries`: file entries that are encoded, checked and
 * sorted already. @throws repository.manifest_invalid
 */
export function encodeManifest(
  manifest: BackupManifest,
  name: string,
  entries: readonly Uint8Array[] = [],
): Uint8Array {
  checkManifest(manifest, name)
  const { formatVersion, backupMeta, metasrv, storage, ...others } = manifest
  const before = {
    formatVersion,
    ...(backupMeta === undefined ? {} : { backupMeta }),
    ...(metasrv === undefined ? {} : { metasrv }),
  }
  const after = { ...others, formatVersion: 0, storage: [], checksum: new Uint8Array() }
  const body = Buffer.concat([
    toBinary(BackupManifestSchema, create(BackupManifestSchema, before)),
    ...[...storage.map(encodeFile), ...entries].flatMap(entry => [
      delimitedHeader(storageField, entry.length),
      entry,
    ]),
    toBinary(BackupManifestSchema, after),
  ])
  return Buffer.concat([body, checksumHeader, sha256(body)])
}

/** The field of a manifest that holds its file entries. */
const storageField = 4

/** What ends a session without a backup: `state: REVOKED` and nothing else. */
export const tombstone: Uint8Array = toBinary(
  BackupManifestSchema,
  create(BackupManifestSchema, { state: BackupManifest_State.REVOKED }),
)

/**
 * Bytes from a repository as a manifest: untrusted until every limit has been checked. Unknown
 * fields are kept. @throws repository.manifest_invalid, repository.unsupported_format
 */
export function decodeManifest(bytes: Uint8Array, name: string): BackupManifest {
  if (bytes.length > readLimits.manifestBytes) {
    throw invalid(
      name,
      `it is ${bytes.length} bytes long; at most ${readLimits.manifestBytes} are read`,
    )
  }
  const manifest = parse(bytes, name)
  // Other tools need not sort what they write into the manifest itself.
  manifest.storage = sortFiles(manifest.storage)
  checkManifest(manifest, name)
  checkSum(manifest, bytes, name)
  return manifest
}

function parse(bytes: Uint8Array, name: string): BackupManifest {
  try {
    const manifest = create(BackupManifestSchema)
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const start = reader.pos
      const [field, type] = reader.tag()
      if (field === storageField && type === WireType.LengthDelimited) {
        manifest.storage.push(decodeFile(reader.bytes()))
      } else {
        reader.skip(type, field)
        // Field by field: one whose parts reach beyond its end must not swallow the next.
        mergeFromBinary(BackupManifestSchema, manifest, bytes.subarray(start, reader.pos))
      }
    }
    return manifest
  } catch (error) {
    throw invalid(name, 'it is not a BackupManifest message', error)
  }
}

/** A manifest that a tool wrote must carry its sum: a flipped bit could else hide the field. */
function checkSum(manifest: BackupManifest, bytes: Uint8Array, name: string): void {
  if (manifest.checksum.length === 0) {
    if ((manifest.backupMeta?.toolVersion ?? '') !== '')
      throw invalid(name, 'its checksum is missing')
    return
  }
  const bodyLength = bytes.length - checksumBytes - checksumHeader.length
  const header = bytes.subarray(Math.max(bodyLength, 0), bodyLength + checksumHeader.length)
  const ends = bodyLength >= 0 && Buffer.compare(header, checksumHeader) === 0
  const sum = bytes.subarray(bytes.length - checksumBytes)
  if (!ends || !timingSafeEqual(sum, sha256(bytes.subarray(0, bodyLength)))) {
    throw invalid(name, 'its checksum does not fit its bytes')
  }
}

function sortFiles(files: readonly BackupFile[]): BackupFile[] {
  // As almost all are: bkp writes them in order.
  if (files.every((file, index) => index === 0 || isBefore(files[index - 1], file)))
    return [...files]
  // One key each: computing it in the comparison would cost n log n of them.
  const keyed = files.map(file => ({ file, sortKey: fileSortKey(file.host, file.path) }))
  keyed.sort((a, b) => Buffer.compare(a.sortKey, b.sortKey))
  return keyed.map(({ file }) => file)
}

function isBefore(a: BackupFile | undefined, b: BackupFile): boolean {
  return a?.host === b.host && Buffer.compare(a.path, b.path) < 0
}

/** True for the tombstone of a revoked or ended session. */
export function isTombstone(manifest: BackupManifest): boolean {
  return manifest.state === BackupManifest_State.REVOKED
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function invalid(name: string, what: string, cause?: unknown): BkpError {
  return new BkpError('repository.manifest_invalid', `manifest ${name}: ${what}`, {
    cause,
    hint: 'use another backup, and run bkp verify to see what else is damaged',
    details: { manifest: name },
  })
}
