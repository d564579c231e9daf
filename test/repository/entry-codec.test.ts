import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entryCodec } from '../../src/repository/entry-codec.ts'
import type { SourceEntry } from '../../src/repository/source.ts'

const bytes = fc.uint8Array({ maxLength: 40 }).map(array => Buffer.from(array))
const times = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })
const entries: fc.Arbitrary<SourceEntry> = fc
  .record({
    path: bytes,
    type: fc.constantFrom<SourceEntry['type']>('file', 'directory', 'symlink', 'other'),
    sizeBytes: fc.maxSafeNat(),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    user: fc.string({ unit: 'grapheme' }),
    group: fc.string(),
    mtimeNs: times,
    ctimeNs: times,
    inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    target: fc.option(bytes, { nil: undefined }),
    etag: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  })
  .map(({ target, etag, ...entry }) => ({
    ...entry,
    ...(target === undefined ? {} : { symlinkTarget: target }),
    ...(etag === undefined ? {} : { etag }),
  }))

describe('entries in scratch room', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(entries, entry => {
        expect(entryCodec.decode(Buffer.from(entryCodec.encode(entry)))).toEqual(entry)
      }),
    )
  })
})
