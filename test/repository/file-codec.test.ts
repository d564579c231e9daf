import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeBlock,
  decodeFile,
  encodeBlock,
  encodeFile,
} from '../../src/repository/file-codec.ts'
import {
  BackupBlockSchema,
  type BackupFile,
  BackupFileSchema,
} from '../../src/repository/manifest_pb.ts'

const names = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom('', 'root', 'db-1.example'),
)
const bytes = fc.uint8Array({ maxLength: 200 })
const times = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const wide = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
)
const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const blocks = fc
  .record({
    blockId: fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map(id => Buffer.from(id).toString('hex')),
      fc.string({ unit: 'grapheme', maxLength: 64 }),
    ),
    blockSize: wide,
    generation: uint32,
    offset: wide,
  })
  .map(block => create(BackupBlockSchema, block))
const files = fc
  .record({
    path: bytes,
    host: names,
    root: bytes,
    immutable: fc.boolean(),
    size: wide,
    mode: uint32,
    user: names,
    group: names,
    mtimeNs: times,
    ctimeNs: times,
    inode: wide,
    etag: names,
    sha256: bytes,
    symlinkTarget: bytes,
    blocks: fc.array(blocks, { maxLength: 4 }),
    type: fc.integer({ min: -1, max: 5 }),
  })
  .map(file => create(BackupFileSchema, file))

/** What a parser makes of bytes; what it refuses is an answer, too. */
function outcome(parse: () => unknown): unknown {
  try {
    return parse()
  } catch {
    return 'refused'
  }
}

describe('file entries', () => {
  it('are written byte for byte as the library writes them', () => {
    fc.assert(
      fc.property(files, file => {
        const library = Buffer.from(toBinary(BackupFileSchema, file))
        expect(Buffer.from(encodeFile(file)).equals(library)).toBe(true)
      }),
    )
  })

  it('are read as the library reads them', () => {
    fc.assert(
      fc.property(files, file => {
        const encoded = toBinary(BackupFileSchema, file)
        expect(decodeFile(encoded)).toEqual(fromBinary(BackupFileSchema, encoded))
      }),
    )
  })

  it('are read as the library reads them where bytes were cut off or changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 })
    fc.assert(
      fc.property(files, changes, fc.nat(), (file, changed, cut) => {
        const whole = toBinary(BackupFileSchema, file)
        const encoded = whole.subarray(0, cut % 3 === 0 ? cut % (whole.length + 1) : whole.length)
        for (const [at, value] of changed)
          if (encoded.length > 0) encoded[at % encoded.length] = value
        const library = outcome(() => fromBinary(BackupFileSchema, encoded))
        expect(outcome(() => decodeFile(encoded))).toEqual(library)
      }),
      { numRuns: 1000 },
    )
  })

  it('keep what a newer tool said of them', () => {
    const encoded = Buffer.concat([
      toBinary(BackupFileSchema, create(BackupFileSchema, { host: 'a', mode: 0o644 })),
      Buffer.from([0x98, 0x06, 0x05]),
    ])
    const file: BackupFile = decodeFile(encoded)
    expect(file.$unknown).toHaveLength(1)
    expect(Buffer.from(encodeFile(file)).equals(encoded)).toBe(true)
  })
})

describe('block references', () => {
  it('are written and read as the library does', () => {
    fc.assert(
      fc.property(blocks, block => {
        const library = toBinary(BackupBlockSchema, block)
        expect(Buffer.from(encodeBlock(block)).equals(Buffer.from(library))).toBe(true)
        expect(decodeBlock(library)).toEqual(block)
      }),
    )
  })
})
