import { BkpError } from '../../../base/errors.ts'

/** What an edit of a RocksDB's version says of files. */
export interface VersionEdit {
  readonly columnFamily: number
  readonly dropsFamily: boolean
  readonly deleted: readonly number[]
  readonly added: readonly { readonly number: number; readonly sizeBytes: number }[]
  readonly blobs: readonly { readonly number: number; readonly count: number }[]
  /** How many blobs of a file are of no use any more. */
  readonly blobGarbage: readonly { readonly number: number; readonly count: number }[]
  /** Edits that follow and belong to this one; undefined where it stands alone. */
  readonly remainingInGroup: number | undefined
}

/** Tags of fields (RocksDB, db/version_edit.h: numbers that are never changed). */
const tag = {
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactCursor: 5,
  deletedFile: 6,
  newFile: 7,
  prevLogNumber: 9,
  minLogNumberToKeep: 10,
  newFile2: 100,
  newFile3: 102,
  newFile4: 103,
  columnFamily: 200,
  columnFamilyAdd: 201,
  columnFamilyDrop: 202,
  maxColumnFamily: 203,
  inAtomicGroup: 300,
  blobFileAddition: 400,
  blobFileGarbage: 401,
  oldBlobFileAddition: 8194,
  oldBlobFileGarbage: 8195,
  oldWalAddition: 8196,
  oldWalDeletion: 8197,
} as const
/** Fields of other versions that may be skipped: their length precedes them. */
const ignorable = 1 << 13
const endOfCustomFields = 1
const endOfBlobFields = 0
const walFields = { end: 1, syncedSize: 2 } as const

/** Reads one record of a MANIFEST. @throws nebula.backup_invalid where it is none that RocksDB writes */
export function readVersionEdit(record: Uint8Array): VersionEdit {
  const from = createReader(record)
  const deleted: number[] = []
  const added: { number: number; sizeBytes: number }[] = []
  const blobs: { number: number; count: number }[] = []
  const blobGarbage: { number: number; count: number }[] = []
  let columnFamily = 0
  let dropsFamily = false
  let remainingInGroup: number | undefined
  while (!from.atEnd()) {
    const field = from.number()
    switch (field) {
      case tag.comparator:
      case tag.columnFamilyAdd:
        from.skipBytes()
        break
      case tag.logNumber:
      case tag.nextFileNumber:
      case tag.lastSequence:
      case tag.prevLogNumber:
      case tag.minLogNumberToKeep:
      case tag.maxColumnFamily:
      case tag.oldWalDeletion:
        from.skipNumber()
        break
      case tag.compactCursor:
        from.skipNumber()
        from.skipBytes()
        break
      case tag.deletedFile:
        from.skipNumber()
        deleted.push(from.number())
        break
      case tag.newFile:
      case tag.newFile2:
      case tag.newFile3:
      case tag.newFile4:
        added.push(readNewFile(from, field))
        break
      case tag.columnFamily:
        columnFamily = from.number()
        break
      case tag.columnFamilyDrop:
        dropsFamily = true
        break
      case tag.inAtomicGroup:
        remainingInGroup = from.number()
        break
      case tag.blobFileAddition:
      case tag.oldBlobFileAddition: {
        blobs.push({ number: from.number(), count: from.number() })
        from.skipNumber()
        from.skipBytes()
        from.skipBytes()
        from.skipFields(endOfBlobFields)
        break
      }
      case tag.blobFileGarbage:
      case tag.oldBlobFileGarbage:
        blobGarbage.push({ number: from.number(), count: from.number() })
        from.skipNumber()
        from.skipFields(endOfBlobFields)
        break
      case tag.oldWalAddition:
        from.skipNumber()
        readWalFields(from)
        break
      default:
        if ((field & ignorable) === 0) throw damaged(`has a field ${field} that is not known`)
        from.skipBytes()
    }
  }
  return { columnFamily, dropsFamily, deleted, added, blobs, blobGarbage, remainingInGroup }
}

function readNewFile(
  from: Reader,
  field: number,
): { readonly number: number; readonly sizeBytes: number } {
  from.skipNumber()
  const number = from.number()
  if (field === tag.newFile3) from.skipNumber()
  const sizeBytes = from.number()
  // The smallest and the largest key.
  from.skipBytes()
  from.skipBytes()
  if (field !== tag.newFile) {
    from.skipNumber()
    from.skipNumber()
  }
  if (field === tag.newFile4) from.skipFields(endOfCustomFields)
  return { number, sizeBytes }
}

function readWalFields(from: Reader): void {
  for (let field = from.number(); field !== walFields.end; field = from.number()) {
    if (field !== walFields.syncedSize) throw damaged(`has a field ${field} that is not known`)
    from.skipNumber()
  }
}

interface Reader {
  atEnd(): boolean
  /** A varint that JavaScript can hold. */
  number(): number
  /** A varint of up to 64 bits, whatever it is. */
  skipNumber(): void
  /** Bytes behind their length. */
  skipBytes(): void
  /** Fields of a tag, a length and bytes, up to the tag that ends them. */
  skipFields(end: number): void
}

function createReader(bytes: Uint8Array): Reader {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at]
      if (byte === undefined) break
      at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw damaged('has a number that does not end')
  }
  const number = (): number => {
    const value = varint()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`has the number ${value}`)
    return Number(value)
  }
  const skipBytes = (): void => {
    const length = number()
    if (length > bytes.length - at) throw damaged('has a text that is longer than its record')
    at += length
  }
  return {
    atEnd: () => at >= bytes.length,
    number,
    skipNumber: () => void varint(),
    skipBytes,
    skipFields: end => {
      while (number() !== end) skipBytes()
    },
  }
}

function damaged(how: string): BkpError {
  return new BkpError('nebula.backup_invalid', how)
}
