import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import type { BackupMeta, Generation } from '../../../src/databases/nebula/contract.ts'
import { backupCodecs } from '../../../src/databases/nebula/generations/backup-forms.ts'
import {
  decodeMetaFile,
  encodeMetaFile,
  metaFileLayout,
} from '../../../src/databases/nebula/meta-file.ts'
import { frame } from '../../../src/databases/nebula/thrift/frames.ts'
import { thriftWriter } from '../../../src/databases/nebula/thrift/writer.ts'
import { golden } from './golden.ts'
import { metaFiles } from './thrift/spec-bytes.ts'

test.each(metaFiles)('%s decodes, and encodes to the same bytes', (_what, generation, hex) => {
  const bytes = Buffer.from(hex, 'hex')
  const { meta, framed } = decodeMetaFile(bytes)
  expect(framed).toBe(generation !== '2.0')
  expect(meta.generation).toBe(generation)
  const written = encodeMetaFile(meta, metaFileLayout(generation))
  expect(Buffer.from(written).toString('hex')).toBe(hex)
})

test('what a file of BR 0.5 says', () => {
  const [, , hex = ''] = metaFiles[0] ?? []
  expect(decodeMetaFile(Buffer.from(hex, 'hex')).meta).toEqual({
    generation: '2.1',
    name: 'BACKUP_2021_07_16_02_39_04',
    metaFiles: ['__spaces__.sst'],
    full: true,
    allSpaces: true,
    createTimeMs: 1_626_403_145_000,
    spaces: [
      {
        id: 1,
        description: {
          name: 'nba',
          partitions: 1,
          replicas: 1,
          charset: 'utf8',
          collate: 'utf8_bin',
          vidType: { type: 0 },
        },
        hosts: [
          {
            host: { host: '192.168.8.1', port: 9779 },
            checkpoints: [
              {
                path: '/data/s/nebula/1/checkpoints/BACKUP_2021_07_16_02_39_04',
                partitions: new Map([[1, { logId: 10n, termId: 2n }]]),
              },
            ],
          },
        ],
      },
    ],
  })
})

test.each([
  ['nebula-v2.5-BACKUP_2021_06_15_03_04_05.meta', '2.1'],
  ['nebula-v3.8-BACKUP_2024_01_02_03_04_05.meta', '3.3'],
] as const)('%s, whose files are paths: they become base names', (file, generation) => {
  const bytes = readFileSync(join(golden, file))
  const { meta, framed } = decodeMetaFile(bytes)
  expect(framed).toBe(true)
  expect(meta.generation).toBe(generation)
  expect(meta.metaFiles).toEqual(['__edges__.sst', '__index__.sst', '__tags__.sst'])
  const again = encodeMetaFile(meta, metaFileLayout(generation))
  expect(decodeMetaFile(again).meta).toEqual(meta)
  const writer = thriftWriter()
  const metaFilesThen = meta.metaFiles.map(name => `${meta.name}/${name}`)
  backupCodecs[generation].write(writer, { ...meta, metaFiles: metaFilesThen })
  expect(frame(writer.done()).toString('hex')).toBe(bytes.toString('hex'))
})

const name = fc
  .tuple(fc.integer({ min: 2020, max: 2099 }), fc.integer({ min: 10, max: 59 }))
  .map(([year, rest]) => `BACKUP_${year}_${`${rest}_`.repeat(4)}${rest}`)
const host = fc.record({
  host: fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/),
  port: fc.integer({ min: 1, max: 65_535 }),
})
const partitions = (generation: Generation) =>
  fc
    .array(
      fc.record({
        id: fc.integer({ min: 1, max: 1000 }),
        logId: fc.bigInt({ min: 0n, max: 2n ** 62n }),
        termId: fc.bigInt({ min: 0n, max: 2n ** 62n }),
      }),
      { maxLength: generation === '2.0' ? 0 : 3 },
    )
    .map(
      rows =>
        new Map(
          rows.map(({ id, ...log }) => [
            id,
            generation === '3.3' ? { ...log, commitLogId: 0n, checkpointPath: '' } : log,
          ]),
        ),
    )
const metaOf = (generation: Generation): fc.Arbitrary<BackupMeta> => {
  const checkpoint = fc.record({ path: fc.string(), partitions: partitions(generation) })
  const hosts = fc.uniqueArray(
    fc.record({ host, checkpoints: fc.array(checkpoint, { minLength: 1, maxLength: 3 }) }),
    { selector: each => `${each.host.host}:${each.host.port}`, minLength: 1, maxLength: 3 },
  )
  const description = fc.record({
    name: fc.string(),
    partitions: fc.nat(),
    replicas: fc.nat(),
    charset: fc.string(),
    collate: fc.string(),
    vidType: fc.constant({ type: 7, typeLength: 8 }),
  })
  const space = fc.record({ id: fc.integer({ min: 1, max: 2 ** 31 - 1 }), description, hosts })
  const spaces = fc.uniqueArray(space, { selector: ({ id }) => id, minLength: 1, maxLength: 3 })
  const common = {
    generation: fc.constant(generation),
    name,
    spaces,
    metaFiles: fc.array(fc.stringMatching(/^__[a-z]{1,10}__\.sst$/)),
  }
  if (generation === '2.0') return fc.record(common)
  const later = {
    ...common,
    full: fc.boolean(),
    allSpaces: fc.boolean(),
    createTimeMs: fc.nat(2 ** 40),
  }
  if (generation !== '3.3') return fc.record(later)
  return fc.record({
    ...later,
    baseBackupName: fc.string(),
    storageHosts: fc.array(host),
    clusterId: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  })
}

test.each(['2.0', '2.1', '3.0', '3.3'] as const)(
  'whatever is written for %s is recognized and read again',
  generation => {
    fc.assert(
      fc.property(metaOf(generation), meta => {
        const bytes = encodeMetaFile(meta, metaFileLayout(generation))
        expect(decodeMetaFile(bytes)).toEqual({ meta, framed: generation !== '2.0' })
      }),
      { numRuns: 25 },
    )
  },
)

test('a backup of one generation is not written as one of another', () => {
  const [, , hex = ''] = metaFiles[2] ?? []
  const { meta } = decodeMetaFile(Buffer.from(hex, 'hex'))
  expect(() => encodeMetaFile(meta, 'B')).toThrow(/which layout B cannot hold/)
})

function refusal(bytes: Uint8Array): string {
  try {
    decodeMetaFile(bytes)
  } catch (error) {
    if (!(error instanceof BkpError) || error.code !== 'nebula.backup_invalid') throw error
    return error.message
  }
  return 'accepted'
}

test.each(metaFiles)('%s cut off at any byte is damaged', (_what, _generation, hex) => {
  const bytes = Buffer.from(hex, 'hex')
  for (let length = 0; length < bytes.length; length += 1) {
    expect(refusal(bytes.subarray(0, length))).toMatch(/^the \.meta file is damaged/)
  }
})

test.each([
  ['', 'it is empty'],
  ['0000', 'it ends after 2 bytes'],
  ['48545450', 'does not begin as'],
  ['000001330d0001080c00', 'it was cut off: 6 of 307 bytes are there'],
  ['000000010d0000', '2 bytes stand behind its end'],
  ['0d0001080c0000000000ff', '1 bytes stand behind its end'],
] as const)('%s: %s', (hex, why) => {
  expect(refusal(Buffer.from(hex, 'hex'))).toContain(why)
})

test.each([
  { name: 'BACKUP_2020/../../etc' },
  { metaFiles: ['..'] },
  { metaFiles: ['/data/meta/'] },
])('names that would leave their folder are refused: %j', evil => {
  const [, , hex = ''] = metaFiles[1] ?? []
  const { meta } = decodeMetaFile(Buffer.from(hex, 'hex'))
  expect(refusal(encodeMetaFile({ ...meta, ...evil }, 'A'))).toMatch(/damaged/)
})
