import { readFile } from 'node:fs/promises'
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { initialiseRepository } from '../../src/repository/initialise.ts'
import { decodeManifest, encodeManifest, tombstone } from '../../src/repository/manifest.ts'
import {
  BackupFile_Type,
  type BackupFileSchema,
  type BackupManifest,
  BackupManifest_State,
  BackupManifestSchema,
} from '../../src/repository/manifest_pb.ts'
import { manifestProto } from '../../src/repository/manifest-proto-text.ts'
import { isBackupName } from '../../src/repository/names.ts'
import { readFileEntries } from '../../src/repository/read.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { bytesOf, quietIo, testRandom } from './support.ts'

const name = '20250114_201500'
const id = 'ab'.repeat(32)
type FileShape = MessageInitShape<typeof BackupFileSchema>

function fileOf(changes: FileShape = {}): FileShape {
  return {
    path: bytesOf('/data/f'),
    host: 'db1',
    root: bytesOf('/data'),
    size: 10n,
    mode: 0o644,
    user: 'db',
    group: 'db',
    mtimeNs: -5n,
    ctimeNs: 7n,
    inode: 2n ** 60n,
    sha256: new Uint8Array(32).fill(7),
    blocks: [{ blockId: id, blockSize: 100n, generation: 2, offset: 90n }],
    ...changes,
  }
}

function manifestOf(files: readonly FileShape[], changes: object = {}): BackupManifest {
  return create(BackupManifestSchema, {
    formatVersion: 1,
    storage: [...files],
    backupMeta: {
      backupTimeNs: 1n,
      session: new Uint8Array(16).fill(1),
      cluster: { kind: 'files', name: 'demo', topologyJson: '{}' },
      hostsExpected: ['db1'],
      toolVersion: '0.1.0',
      labels: { why: 'test' },
      roots: [{ host: 'db1', root: bytesOf('/data'), source: bytesOf('/data') }],
    },
    ...changes,
  })
}

/** As an attacker writes it: any message, with a checksum that fits. */
function faultOf(manifest: BackupManifest): BkpError {
  const bytes = toBinary(BackupManifestSchema, manifest)
  try {
    if (manifest.backupMeta !== undefined) manifest.backupMeta.toolVersion = ''
    decodeManifest(toBinary(BackupManifestSchema, manifest), name)
  } catch (error) {
    if (error instanceof BkpError) return error
    throw error
  }
  throw new Error(`accepted: ${Buffer.from(bytes).toString('hex')}`)
}

describe('a manifest', () => {
  it('comes back as it was, with fields this version does not know', () => {
    const bytes = encodeManifest(manifestOf([fileOf()]), name)
    expect(encodeManifest(decodeManifest(bytes, name), name)).toEqual(bytes)
    const unknown = Buffer.concat([bytes.subarray(0, -34), Buffer.from([0xf8, 0x07, 0x05])])
    const message = fromBinary(BackupManifestSchema, unknown)
    const kept = encodeManifest(message, name)
    expect(Buffer.from(kept).includes(Buffer.from([0xf8, 0x07, 0x05]))).toBe(true)
    expect(decodeManifest(kept, name).$unknown).toHaveLength(1)
  })

  it('is refused when it is cut at any byte', () => {
    const bytes = encodeManifest(manifestOf([fileOf()]), name)
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeManifest(bytes.subarray(0, length), name), `${length}`).toThrow(BkpError)
    }
  })

  it('is refused when any bit of it is flipped', () => {
    const bytes = encodeManifest(manifestOf([fileOf()]), name)
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => decodeManifest(flipped, name), `bit ${bit}`).toThrow(BkpError)
    }
  })

  it('is never more than a BkpError, whatever the bytes', () => {
    const base = toBinary(
      BackupManifestSchema,
      manifestOf([fileOf(), fileOf({ path: bytesOf('/data/g') })]),
    )
    const mutations = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 8 })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutations), input => {
        const bytes = input instanceof Uint8Array ? input : Uint8Array.from(base)
        if (!(input instanceof Uint8Array)) for (const [at, byte] of input) bytes[at] = byte
        try {
          decodeManifest(bytes, name)
        } catch (error) {
          expect(error).toBeInstanceOf(BkpError)
          expect(String(error)).toContain(name)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not reach a terminal
          expect(String(error)).not.toMatch(/[\u0000-\u001f\u007f]/)
        }
      }),
      { numRuns: 1500 },
    )
  })

  it('of a newer format is refused with the way out', () => {
    const fault = faultOf(manifestOf([], { formatVersion: 999 }))
    expect(fault.code).toBe('repository.unsupported_format')
    expect(fault.hint).toContain('newer bkp')
  })

  it('that revokes a session holds nothing else', () => {
    expect(decodeManifest(tombstone, name).state).toBe(BackupManifest_State.REVOKED)
    expect(tombstone.length).toBe(2)
    const fault = faultOf(manifestOf([], { state: BackupManifest_State.REVOKED }))
    expect(fault.message).toContain('REVOKED')
  })

  const long = bytesOf(`/data/${'x'.repeat(256)}`)
  const deep = bytesOf(`/data${'/x'.repeat(2100)}`)
  const block = (changes: object) => [{ blockId: id, blockSize: 10n, ...changes }]
  const hostile: readonly (readonly [string, readonly FileShape[], object?])[] = [
    ['path is empty', [fileOf({ path: bytesOf('') })]],
    ['..', [fileOf({ path: bytesOf('/data/../etc/passwd') })]],
    ['"."', [fileOf({ path: bytesOf('/data/./x') })]],
    ['empty component', [fileOf({ path: bytesOf('/data//x') })]],
    ['empty component', [fileOf({ path: bytesOf('/data/x/') })]],
    ['NUL', [fileOf({ path: bytesOf('/data/x\0y') })]],
    ['longer than 255', [fileOf({ path: long })]],
    ['longer than 4096', [fileOf({ path: deep })]],
    ['below its root', [fileOf({ path: bytesOf('/database/f') })]],
    ['below its root', [fileOf({ path: bytesOf('/etc/passwd') })]],
    ['root', [fileOf({ root: bytesOf('') })]],
    ['".."', [fileOf({ root: bytesOf('/data/..'), path: bytesOf('/data/../f') })]],
    ['host is empty', [fileOf({ host: '' })]],
    ['host', [fileOf({ host: '../db1' })]],
    ['host', [fileOf({ host: 'db\u001b[2J' })]],
    ['user', [fileOf({ user: 'a\nb' })]],
    ['mode', [fileOf({ mode: 0o170644 })]],
    ['size', [fileOf({ size: 2n ** 53n })]],
    ['sha256', [fileOf({ sha256: new Uint8Array(31) })]],
    ['sha256 is missing', [fileOf({ sha256: new Uint8Array() })]],
    ['beyond the end', [fileOf({ blocks: block({ blockSize: 100n, offset: 91n }) })]],
    ['beyond the end', [fileOf({ blocks: block({ blockSize: 100n, offset: 2n ** 63n }) })]],
    ['64 lower-case', [fileOf({ blocks: block({ blockId: id.toUpperCase() }) })]],
    ['64 lower-case', [fileOf({ blocks: block({ blockId: id.slice(1) }) })]],
    ['64 lower-case', [fileOf({ blocks: block({ blockId: `../${id.slice(3)}` }) })]],
    ['block_size', [fileOf({ blocks: block({ blockSize: 0n }) })]],
    ['block_size', [fileOf({ blocks: block({ blockSize: 2n ** 40n }) })]],
    ['generation', [fileOf({ blocks: block({ generation: 2 ** 31 }) })]],
    ['blocks are missing', [fileOf({ blocks: [] })]],
    ['empty file', [fileOf({ size: 0n })]],
    ['its blocks hold 20', [fileOf({ size: 21n, blocks: [...block({}), ...block({})] })]],
    ['offset', [fileOf({ size: 20n, blocks: [...block({ offset: 1n }), ...block({})] })]],
    ['type is 9', [fileOf({ type: 9 as BackupFile_Type })]],
    ['no file', [fileOf({ type: BackupFile_Type.DIRECTORY })]],
    ['size is set', [fileOf({ type: BackupFile_Type.DIRECTORY, blocks: [] })]],
    ['symlink_target', [fileOf({ type: BackupFile_Type.SYMLINK, blocks: [], size: 0n })]],
    ['symlink_target', [fileOf({ symlinkTarget: bytesOf('/') })]],
    ['twice', [fileOf(), fileOf()]],
    ['no directory', [fileOf(), fileOf({ path: bytesOf('/data/f/x') })]],
    [
      'no directory',
      [fileOf(), fileOf({ path: bytesOf('/data/f-') }), fileOf({ path: bytesOf('/data/f/x') })],
    ],
    ['state', [], { state: 7 }],
    ['format_version', [], { formatVersion: 0 }],
    ['backup_meta', [], { backupMeta: undefined }],
    ['storage_index', [fileOf()], { storageIndex: block({}) }],
    ['storage_index.block_id', [], { storageIndex: block({ blockId: 'x' }) }],
    ['blocks.block_size', [], { blocks: block({ blockSize: 2n ** 30n }) }],
    ['parent', [], { backupMeta: { parent: '../x' } }],
    ['session', [], { backupMeta: { session: new Uint8Array(5) } }],
    ['metadata_json', [], { backupMeta: { metadataJson: '{' } }],
    ['topology_json', [], { backupMeta: { cluster: { topologyJson: 'x' } } }],
    ['labels', [], { backupMeta: { labels: { a: '\u0007' } } }],
    ['roots', [], { backupMeta: { roots: [{ host: 'a', root: bytesOf('..') }] } }],
    ['totals.files', [], { backupMeta: { totals: { files: 2n ** 60n } } }],
  ]
  for (const [what, files, changes] of hostile) {
    it(`is refused: ${what} (${hostile.findIndex(row => row[1] === files)})`, () => {
      const fault = faultOf(manifestOf(files, changes))
      expect(fault.code).toBe('repository.manifest_invalid')
      expect(fault.message).toContain(what)
      expect(fault.message).toContain(name)
    })
  }

  it('may hold names that differ only by case or normal form, and siblings of a file', () => {
    const paths = [
      '/data/f',
      '/data/F',
      '/data/\u00e9',
      '/data/e\u0301',
      '/data/f.d',
      '/data/f.d/x',
    ]
    const files = paths.map(path =>
      fileOf(
        path === '/data/f.d'
          ? {
              path: bytesOf(path),
              type: BackupFile_Type.DIRECTORY,
              size: 0n,
              blocks: [],
              sha256: new Uint8Array(),
            }
          : { path: bytesOf(path) },
      ),
    )
    const manifest = manifestOf(files)
    if (manifest.backupMeta !== undefined) manifest.backupMeta.toolVersion = ''
    const decoded = decodeManifest(toBinary(BackupManifestSchema, manifest), name)
    expect(decoded.storage).toHaveLength(6)
  })

  it('never breaks its own limits when it is written', () => {
    expect(() => encodeManifest(manifestOf([fileOf({ host: '' })]), name)).toThrow(BkpError)
  })
})

describe('lists in blocks', () => {
  it('are checked across their borders, and a manifest cannot be its own list', async () => {
    const storage = createMemoryStorage()
    const repo = await initialiseRepository(storage, testRandom(), quietIo)
    const manifest = manifestOf([], {
      storageIndex: [{ blockId: id, blockSize: 4n }],
    })
    const bytes = encodeManifest(manifest, name)
    await storage.put(`data/${id}` as never, bytes, quietIo)
    const read = async () => {
      for await (const _ of readFileEntries(repo, { name, manifest }, quietIo));
    }
    await expect(read()).rejects.toMatchObject({ code: 'repository.block_corrupt' })
    await storage.delete([`data/${id}` as never], quietIo)
    await expect(read()).rejects.toMatchObject({ code: 'repository.block_missing' })
  })
})

describe('names', () => {
  it('are seconds that exist', () => {
    for (const good of ['20250114_201500', '20240229_000000']) expect(isBackupName(good)).toBe(true)
    for (const bad of [
      '',
      'latest',
      '20250229_000000',
      '20250114_246000',
      '20250114_2015',
      '../x',
      '20250114_201500\n',
    ]) {
      expect(isBackupName(bad)).toBe(false)
    }
  })
})

describe('the schema', () => {
  it('that repositories carry is the one in the source', async () => {
    expect(manifestProto).toBe(await readFile('src/repository/manifest.proto', 'utf8'))
  })
})
