import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveBackup } from '../../../src/repository/catalogue.ts'
import { type Extracted, extract, extractOne } from '../../../src/repository/extract/extract.ts'
import { openTargetFolder } from '../../../src/repository/extract/folder.ts'
import { localOwners } from '../../../src/repository/extract/owners.ts'
import { fileScope } from '../../../src/repository/extract/scope.ts'
import { initialiseRepository } from '../../../src/repository/initialise.ts'
import {
  BackupBlockSchema,
  type BackupFile,
  BackupFile_Type,
  BackupFileSchema,
  BackupManifestSchema,
} from '../../../src/repository/manifest_pb.ts'
import { manifestKey } from '../../../src/repository/names.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import type { Key, Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import {
  backUp,
  backupOptions,
  bytesOf,
  keysBelow,
  type MemoryHost,
  memoryHost,
  quietIo,
  smallGeometry,
  testRandom,
} from '../support.ts'

let folder: string
let storage: Storage
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-extract-'))
  mkdirSync(join(folder, 'to'))
  storage = createMemoryStorage()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const to = (...parts: string[]): string => join(folder, 'to', ...parts)

interface Wish {
  readonly host?: string
  readonly path?: string
  readonly overwrite?: boolean
}

async function extractTo({ host, path, overwrite = false }: Wish = {}): Promise<Extracted> {
  const repo = await openRepository(storage, quietIo)
  const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
  const target = openTargetFolder({ path: to(), overwrite })
  return await extract({ repo, backup, scope: fileScope(host, path), folder: target }, quietIo)
}

function sample(): MemoryHost {
  const host = memoryHost('db1')
  host.set('small', 'tiny', { mode: 0o4755, mtimeNs: 1_700_000_000_123_456_789n })
  host.set('old', 'x', { mtimeNs: -1_500_000_000n })
  host.set('large', Buffer.alloc(300, 'large'), { mode: 0o600 })
  host.set('empty', '')
  host.set('closed', '', { type: 'directory', mode: 0o500, mtimeNs: 1_600_000_000_000_000_000n })
  host.set('closed/inner', 'inner')
  host.set('closed/deep', '', {
    type: 'directory',
    mode: 0o1700,
    mtimeNs: 1_500_000_000_000_000_000n,
  })
  host.set('closed/deep/f', 'f')
  host.set('link', '', { type: 'symlink', symlinkTarget: Buffer.from('../../../..') })
  host.set('dangling', '', { type: 'symlink', symlinkTarget: Buffer.from('nowhere') })
  host.set(Buffer.from('not utf-8 \xff\n', 'latin1'), 'odd')
  return host
}

async function backUpSample(hosts: readonly MemoryHost[] = [sample()]): Promise<void> {
  const geometry = { ...smallGeometry, inlineListBytes: 500 }
  await backUp(backupOptions(storage, hosts, { geometry }), quietIo)
}

describe('extract', () => {
  it('writes files with their bytes, modes and times, and links as they are', async () => {
    await backUpSample()
    const result = await extractTo()
    expect(result).toEqual({ files: 7, directories: 3, symlinks: 2, bytes: expect.any(Number) })
    const data = to('db1', 'data')
    expect(readFileSync(join(data, 'small'), 'utf8')).toBe('tiny')
    expect(readFileSync(join(data, 'large'))).toEqual(Buffer.alloc(300, 'large'))
    expect(readFileSync(join(data, 'closed/deep/f'), 'utf8')).toBe('f')
    expect(readFileSync(Buffer.from(`${data}/not utf-8 \xff\n`, 'latin1'), 'utf8')).toBe('odd')
    expect(readlinkSync(join(data, 'link'))).toBe('../../../..')
    expect(readlinkSync(join(data, 'dangling'))).toBe('nowhere')
    // Nobody asked for a set-uid bit here.
    expect((lstatSync(join(data, 'small')).mode & 0o7777).toString(8)).toBe('755')
    expect((lstatSync(join(data, 'closed')).mode & 0o7777).toString(8)).toBe('500')
    expect((lstatSync(join(data, 'closed/deep')).mode & 0o7777).toString(8)).toBe('700')
    const times = (name: string): bigint => lstatSync(join(data, name), { bigint: true }).mtimeNs
    expect(times('small') / 1000n).toBe(1_700_000_000_123_456n)
    expect(times('closed')).toBe(1_600_000_000_000_000_000n)
    expect(times('closed/deep')).toBe(1_500_000_000_000_000_000n)
    expect(times('old') / 1_000_000n).toBe(-1500n)
  })

  it('takes a host, a path, or a file by itself', async () => {
    const other = memoryHost('db2')
    other.set('small', 'other')
    await backUpSample([sample(), other])
    await extractTo({ host: 'db2' })
    expect(readdirSync(to())).toEqual(['db2'])
    await extractTo({ host: 'db1', path: '/data/closed/' })
    expect(readdirSync(to('db1', 'data'))).toEqual(['closed'])
    expect(readFileSync(to('db1', 'data/closed/deep/f'), 'utf8')).toBe('f')
    const repo = await openRepository(storage, quietIo)
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    const one = async (wish: Wish): Promise<string> => {
      const parts: Uint8Array[] = []
      const scope = fileScope(wish.host, wish.path)
      for await (const part of extractOne(repo, backup, scope, quietIo)) parts.push(part)
      return Buffer.concat(parts).toString()
    }
    expect(await one({ host: 'db2', path: '/data/small' })).toBe('other')
    await expect(one({ path: '/data/small' })).rejects.toMatchObject({ code: 'usage.invalid' })
    await expect(one({ path: '/data/link', host: 'db1' })).rejects.toThrow('only one file')
    for (const wish of [{ path: '/nothing' }, { host: 'db9' }, { path: '/dat' }]) {
      await expect(one(wish)).rejects.toMatchObject({ code: 'repository.path_not_found' })
      await expect(extractTo(wish)).rejects.toMatchObject({ code: 'repository.path_not_found' })
    }
    for (const path of ['', '/a/../b', 'a//b', 'a\0b']) {
      expect(() => fileScope(undefined, path)).toThrow(
        expect.objectContaining({ code: 'usage.invalid' }),
      )
    }
  })

  it('leaves what is there alone, and replaces it where told to, never through a link', async () => {
    await backUpSample()
    mkdirSync(to('db1', 'data'), { recursive: true })
    const outside = join(folder, 'outside')
    writeFileSync(outside, 'outside')
    symlinkSync(outside, to('db1', 'data', 'small'))
    await expect(extractTo()).rejects.toMatchObject({ code: 'restore.conflict' })
    expect(readFileSync(outside, 'utf8')).toBe('outside')
    await extractTo({ overwrite: true })
    expect(readFileSync(to('db1', 'data', 'small'), 'utf8')).toBe('tiny')
    expect(lstatSync(to('db1', 'data', 'small')).isFile()).toBe(true)
    expect(readFileSync(outside, 'utf8')).toBe('outside')
    await extractTo({ overwrite: true })
    expect(readlinkSync(to('db1', 'data', 'dangling'))).toBe('nowhere')
  })

  it('does not go through a link that lies where a folder belongs', async () => {
    await backUpSample()
    const outside = join(folder, 'outside')
    mkdirSync(outside)
    mkdirSync(to('db1'))
    symlinkSync(outside, to('db1', 'data'))
    for (const overwrite of [false, true]) {
      await expect(extractTo({ overwrite })).rejects.toMatchObject({ code: 'restore.conflict' })
    }
    expect(readdirSync(outside)).toEqual([])
  })

  it('writes no byte of a damaged block, and leaves no part of a file', async () => {
    await backUpSample()
    for (const name of await keysBelow(storage, 'data/')) {
      const bytes = await storage.get(name as Key, quietIo)
      // The second block of `large`: its first is written by then.
      if (!Buffer.from(bytes).equals(Buffer.alloc(300, 'large').subarray(64, 128))) continue
      await storage.put(
        name as Key,
        bytes.map(byte => byte ^ 1),
        quietIo,
      )
    }
    await expect(extractTo()).rejects.toMatchObject({
      code: 'repository.block_corrupt',
      message: expect.stringContaining('db1:/data/large'),
    })
    expect(existsSync(to('db1', 'data', 'large'))).toBe(false)
  })
})

/** A manifest as one who can write to the storage makes it: correct in itself, hostile in what it says. */
async function hostile(files: readonly Partial<BackupFile>[]): Promise<void> {
  await initialiseRepository(storage, testRandom(), quietIo)
  const bytes = bytesOf('x'.repeat(20))
  const blockId = createHash('sha256').update(bytes).digest('hex')
  await storage.put(key(`data/${blockId}`), bytes, quietIo)
  const block = create(BackupBlockSchema, { blockId, blockSize: 20n })
  const entries = files.map(file => {
    const type = file.type ?? BackupFile_Type.FILE
    const content = type === BackupFile_Type.FILE ? { size: 20n, blocks: [block] } : {}
    const made = create(BackupFileSchema, { host: 'db1', root: bytesOf('/data'), mode: 0o644 })
    return Object.assign(made, content, file)
  })
  const manifest = create(BackupManifestSchema, {
    formatVersion: 1,
    storage: entries,
    backupMeta: { backupTimeNs: 1n, cluster: { kind: 'files', name: 'demo' } },
  })
  await storage.put(
    manifestKey('20250101_000000'),
    toBinary(BackupManifestSchema, manifest),
    quietIo,
  )
}

/** Everything below the folder but what was extracted. */
const beside = (): readonly string[] => readdirSync(folder).sort()

describe('a hostile manifest', () => {
  const link = { type: BackupFile_Type.SYMLINK, symlinkTarget: bytesOf('../../..') }

  it.each<[string, readonly Partial<BackupFile>[], string]>([
    ['climbs out', [{ path: bytesOf('/data/../../../x') }], 'repository.manifest_invalid'],
    ['has a NUL', [{ path: bytesOf('/data/a\0b') }], 'repository.manifest_invalid'],
    [
      'has a host that climbs out',
      [{ host: '..', path: bytesOf('/data/x') }],
      'repository.manifest_invalid',
    ],
    [
      'has a host that is the folder',
      [{ host: '.', path: bytesOf('/data/x') }],
      'repository.manifest_invalid',
    ],
    [
      'has a host with a slash',
      [{ host: 'a/../..', path: bytesOf('/data/x') }],
      'repository.manifest_invalid',
    ],
    [
      'puts a file below a link',
      [{ ...link, path: bytesOf('/data/a') }, { path: bytesOf('/data/a/x') }],
      'repository.manifest_invalid',
    ],
    [
      'puts a file below a link by another way to write it',
      [
        { ...link, path: bytesOf('/data/a') },
        { path: bytesOf('data/a/x'), root: bytesOf('data') },
      ],
      'restore.conflict',
    ],
    [
      'puts a link below a link by another way to write it',
      [
        { ...link, path: bytesOf('/data/a') },
        { ...link, path: bytesOf('data/a/x'), root: bytesOf('data') },
      ],
      'restore.conflict',
    ],
    [
      'names a file twice by another way to write it',
      [{ path: bytesOf('/data/a') }, { path: bytesOf('data/a'), root: bytesOf('data') }],
      'restore.conflict',
    ],
    [
      'makes a file of a device',
      [{ type: 9 as BackupFile_Type, path: bytesOf('/data/x') }],
      'repository.manifest_invalid',
    ],
  ])('that %s writes nothing outside of its folder', async (_, files, code) => {
    await hostile(files)
    await expect(extractTo()).rejects.toMatchObject({ code })
    expect(beside()).toEqual(['to'])
  })

  it('that is the root itself, or holds it, stays in its folder', async () => {
    await hostile([
      { path: bytesOf('/'), root: bytesOf('/'), type: BackupFile_Type.DIRECTORY, mode: 0o7777 },
      { path: bytesOf('/etc'), root: bytesOf('/'), type: BackupFile_Type.DIRECTORY, mode: 0 },
      { path: bytesOf('/etc/passwd'), root: bytesOf('/') },
    ])
    await extractTo()
    expect(readdirSync(to('db1'))).toEqual(['etc'])
    expect((lstatSync(to('db1')).mode & 0o7777).toString(8)).toBe('777')
    expect(readFileSync(to('db1/etc/passwd'), 'utf8')).toBe('x'.repeat(20))
  })
})

describe('owners', () => {
  it('are the users and groups of this machine, or stay as they are', () => {
    const files: Readonly<Record<string, string>> = {
      '/etc/passwd': 'root:x:0:0::/:/bin/sh\ndb:x:70:80::/:/bin/sh\nbroken\n',
      '/etc/group': 'root:x:0:\ndata:x:90:\n',
    }
    const owners = localOwners(path => files[path] ?? '')
    expect(owners.of({ user: 'db', group: 'data' })).toEqual({ uid: 70, gid: 90 })
    expect(owners.of({ user: '1000', group: '' })).toEqual({ uid: 1000, gid: -1 })
    expect(owners.of({ user: 'who', group: 'db' })).toEqual({ uid: -1, gid: -1 })
    expect(owners.unknown()).toEqual(['group db', 'user who'])
  })
})
