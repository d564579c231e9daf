import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../../src/base/errors.ts'
import { crc32c } from '../../../../src/databases/nebula/official/crc32c.ts'
import { readLiveFiles } from '../../../../src/databases/nebula/official/live-files.ts'
import { comparator, deletedFile, fragment, logOf, newFile, varint } from './rocksdb-files.ts'

async function* inPieces(bytes: Uint8Array, length = 1000): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
const live = (bytes: Uint8Array, length?: number) => readLiveFiles(inPieces(bytes, length))
const filesOf = async (records: readonly Uint8Array[]) => [...(await live(logOf(records))).ssts]

/** Written by RocksDB 7.8.3 (`ldb load`, `compact`, `checkpoint`). */
const real = [
  '56f9b8f81c0001011a6c6576656c64622e4279746577697365436f6d70617261746f72c1295258670001020f0a',
  '0f04f02e670117c6a902106b313030303030310100000000000000106b33303032303030010000000000000000',
  '000505cbba88d8060605ccba88d80607000807556e6b6e6f776e03080f000000000000000c102d20bc1e3daefc',
  '690d62f5b319c4448701ecebfd3f0700010900031b04f02eb764db6909000102140900031c04f02e',
].join('')

describe('the MANIFEST of a RocksDB', () => {
  it('has sums by Castagnoli', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  it('is read as RocksDB wrote it', async () => {
    const { ssts, blobs } = await live(Buffer.from(real, 'hex'))
    expect([...ssts]).toEqual([['000023.sst', 38086]])
    expect(blobs).toEqual([])
  })

  it('is read whatever the pieces it comes in', async () => {
    const many = Array.from({ length: 3000 }, (_, index) => newFile(index + 1, index * 7 + 1))
    const bytes = logOf([
      comparator,
      Buffer.concat(many),
      ...many.map((_, i) => deletedFile(i + 2)),
    ])
    for (const length of [1, 6, 7, 32 * 1024, 100_000]) {
      expect([...(await live(bytes, length)).ssts]).toEqual([['000001.sst', 1]])
    }
  })

  it('lets files move, and families be dropped', async () => {
    const moved = Buffer.concat([deletedFile(4, 0), newFile(4, 10, 1)])
    expect(await filesOf([newFile(4, 10), moved])).toEqual([['000004.sst', 10]])
    const other = Buffer.concat([varint(200), varint(3), newFile(9, 5)])
    const dropped = Buffer.concat([varint(200), varint(3), varint(202)])
    expect(await filesOf([newFile(4, 10), other])).toHaveLength(2)
    expect(await filesOf([newFile(4, 10), other, dropped])).toEqual([['000004.sst', 10]])
  })

  it('takes a group of edits as one, and a part of one as damage', async () => {
    const grouped = (edit: Uint8Array, left: number) =>
      Buffer.concat([edit, varint(300), varint(left)])
    const [one, two] = [grouped(newFile(1, 1), 1), grouped(newFile(2, 2), 0)]
    expect(await filesOf([one, two])).toHaveLength(2)
    await expect(filesOf([one])).rejects.toThrow('ends in a group of edits')
    await expect(filesOf([one, newFile(3, 3)])).rejects.toThrow(
      'a group of edits that is not whole',
    )
  })

  it('names blob files that hold something, and skips what newer versions say', async () => {
    const text = (value: string) => Buffer.concat([varint(value.length), Buffer.from(value)])
    const blob = (number: number, count: number) =>
      Buffer.concat([...[400, number, count, 99].map(varint), text('m'), text('v'), varint(0)])
    const garbage = (number: number, count: number) =>
      Buffer.concat([...[401, number, count, 9].map(varint), varint(0)])
    const newer = Buffer.concat([varint(8192 + 77), text('whatever')])
    const { blobs } = await live(
      logOf([blob(7, 3), blob(8, 2), newer, garbage(7, 1), garbage(8, 2)]),
    )
    expect(blobs).toEqual(['000007.blob'])
  })

  it.each([
    ['nothing', Buffer.alloc(0), 'is empty'],
    ['zeros only', Buffer.alloc(100), 'is empty'],
    ['a cut record', logOf([newFile(1, 1)]).subarray(0, -1), 'ends in the middle of a record'],
    [
      'a cut header',
      logOf([newFile(1, 1), newFile(2, 1)]).subarray(0, -30),
      'ends in the middle of a record',
    ],
    ['a first part alone', fragment(2, newFile(1, 1)), 'ends in the middle of a record'],
    ['a last part alone', fragment(4, newFile(1, 1)), 'parts of a record out of order'],
    ['a type of the future', fragment(99, newFile(1, 1)), 'a record of type 99'],
    ['a field that is not known', logOf([varint(77)]), 'a field 77 that is not known'],
    [
      'a text longer than its record',
      logOf([Buffer.from([1, 200, 1, 65])]),
      'longer than its record',
    ],
    ['a number without an end', logOf([Buffer.alloc(12, 0xff)]), 'a number that does not end'],
    [
      'a number beyond all files',
      logOf([Buffer.from('0600ffffffffffffffff7f', 'hex')]),
      'has the number',
    ],
  ])('is damaged where it holds %s', async (_what, bytes, message) => {
    const failed = live(bytes)
    await expect(failed).rejects.toMatchObject({ code: 'nebula.backup_invalid' })
    await expect(failed).rejects.toThrow(message)
  })

  it('tells every flipped bit of a real one', async () => {
    const bytes = Buffer.from(real, 'hex')
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await expect(live(flipped), `bit ${bit}`).rejects.toMatchObject({
        code: 'nebula.backup_invalid',
      })
    }
  })

  it('never fails in another way, whatever the records are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }),
        async records => {
          try {
            await live(logOf(records))
          } catch (error) {
            if (!(error instanceof BkpError)) throw error
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
