import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import {
  type BackupFile,
  BackupFile_Type,
  BackupFileSchema,
} from '../../../src/repository/manifest_pb.ts'
import {
  compareEntry,
  compareTree,
  type Difference,
} from '../../../src/repository/restore/compare.ts'
import type { SourceEntry } from '../../../src/repository/source.ts'

type FileInit = Omit<MessageInitShape<typeof BackupFileSchema>, '$typeName'>

const time = 1_700_000_000_123_456_789n

const can = { owners: true, nanoseconds: true }

function backedUp(path: string, values: FileInit = {}): BackupFile {
  return create(BackupFileSchema, {
    path: Buffer.from(path),
    host: 'a',
    root: Buffer.from('/r'),
    size: 100n,
    mode: 0o644,
    user: 'db',
    group: 'db',
    mtimeNs: time,
    ...values,
  })
}

function live(path: string, values: Partial<SourceEntry> = {}): SourceEntry {
  return {
    path: Buffer.from(path),
    type: 'file',
    sizeBytes: 100,
    mode: 0o644,
    user: 'db',
    group: 'db',
    mtimeNs: time,
    ctimeNs: 0n,
    inode: 1n,
    ...values,
  }
}

const folder = { type: BackupFile_Type.DIRECTORY, size: 0n }
const link = (target: string): FileInit => ({
  type: BackupFile_Type.SYMLINK,
  size: 0n,
  symlinkTarget: Buffer.from(target),
})

describe('one entry', () => {
  it.each([
    ['equal', backedUp('/r/x'), live('x'), 'unchanged'],
    ['absent', backedUp('/r/x'), undefined, 'added'],
    ['of another size', backedUp('/r/x'), live('x', { sizeBytes: 99 }), 'changed'],
    ['written one nanosecond later', backedUp('/r/x'), live('x', { mtimeNs: time + 1n }), 'unsure'],
    ['of another mode', backedUp('/r/x'), live('x', { mode: 0o600 }), 'metadata'],
    ['of another owner', backedUp('/r/x'), live('x', { group: 'root' }), 'metadata'],
    [
      'empty and touched',
      backedUp('/r/x', { size: 0n }),
      live('x', { sizeBytes: 0, mtimeNs: 1n }),
      'metadata',
    ],
    ['of another type', backedUp('/r/x'), live('x', { type: 'directory' }), 'changed'],
    ['a socket now', backedUp('/r/x'), live('x', { type: 'other' }), 'changed'],
    ['a folder', backedUp('/r/x', folder), live('x', { type: 'directory' }), 'unchanged'],
    [
      'a folder of another time',
      backedUp('/r/x', folder),
      live('x', { type: 'directory', mtimeNs: 1n }),
      'metadata',
    ],
    [
      'a link',
      backedUp('/r/x', link('y')),
      live('x', { type: 'symlink', mode: 0o777, symlinkTarget: Buffer.from('y') }),
      'unchanged',
    ],
    [
      'a link elsewhere',
      backedUp('/r/x', link('y')),
      live('x', { type: 'symlink', symlinkTarget: Buffer.from('z') }),
      'changed',
    ],
  ])('%s', (_, file, entry, verdict) => {
    expect(compareEntry(file, entry, can)).toBe(verdict)
  })

  it('has whole seconds where no more can be set', () => {
    const coarse = { ...can, nanoseconds: false }
    const seconds = live('x', { mtimeNs: 1_700_000_000_000_000_000n })
    expect(compareEntry(backedUp('/r/x'), seconds, coarse)).toBe('unchanged')
    expect(compareEntry(backedUp('/r/x'), seconds, can)).toBe('unsure')
    const later = live('x', { mtimeNs: 1_700_000_001_000_000_000n })
    expect(compareEntry(backedUp('/r/x'), later, coarse)).toBe('unsure')
  })

  it('has owners only where they can be set', () => {
    expect(
      compareEntry(backedUp('/r/x'), live('x', { user: 'me' }), { ...can, owners: false }),
    ).toBe('unchanged')
  })
})

async function* sorted(entries: readonly SourceEntry[]): AsyncIterable<SourceEntry> {
  yield* entries.toSorted((a, b) => Buffer.compare(a.path, b.path))
}

async function compare(
  files: readonly BackupFile[],
  entries: readonly SourceEntry[],
  same: boolean,
): Promise<Difference> {
  return await compareTree({
    entries: (async function* () {
      yield* files
    })(),
    subtree: Buffer.from('/r'),
    live: sorted(entries),
    can,
    ignoreRootTime: false,
    sameContent: async unsure => unsure.map(() => same),
  })
}

describe('a tree', () => {
  const files = [
    backedUp('/r', folder),
    backedUp('/r/added', { size: 5000n }),
    backedUp('/r/kept', { immutable: true, inode: 7n }),
    backedUp('/r/touched'),
  ]
  const entries = [
    live('', { type: 'directory' }),
    live('kept', { inode: 7n }),
    live('touched', { mtimeNs: 1n }),
    live('gone\n', { sizeBytes: 2048 }),
    live('sub', { type: 'directory' }),
  ]

  it('is counted, with bytes to fetch and room to take', async () => {
    expect(await compare(files, entries, true)).toEqual({
      unchanged: 2,
      metadata: 1,
      changed: 0,
      added: 1,
      removed: 2,
      fetchBytes: 5000,
      // A folder, two blocks of the added file, one of the copied file; a hard link takes none.
      needBytes: 4096 + 8192 + 4096,
      lines: [
        'added added 4.9 KiB',
        'removed gone\\n 2.0 KiB',
        'removed sub/',
        'metadata touched 100 B',
      ],
    })
  })

  it('needs room for an unchanged file that is not the very one that was backed up', async () => {
    const other = entries.map(entry => ({ ...entry, inode: 8n }))
    expect(await compare(files, other, true)).toMatchObject({
      unchanged: 2,
      needBytes: 4096 + 8192 + 4096 + 4096,
    })
  })

  it('has changed what does not hash to the same', async () => {
    expect(await compare(files, entries, false)).toMatchObject({
      metadata: 0,
      changed: 1,
      fetchBytes: 5100,
    })
  })

  it('tells what is gone at every place: before, between and behind what stays', async () => {
    const names = ['a', 'kept', 'kept.old', 'kept/never', 'touched', 'z']
    const there = [live('', { type: 'directory' }), ...names.map(name => live(name))]
    const difference = await compare(files, there, true)
    expect(difference).toMatchObject({ unchanged: 3, added: 1, removed: 4 })
    expect(difference.lines.filter(line => line.startsWith('removed'))).toEqual([
      'removed a 100 B',
      'removed kept.old 100 B',
      'removed kept/never 100 B',
      'removed z 100 B',
    ])
  })

  it('is hashed where the times of a file do not tell whether it was written since', async () => {
    const whole = { ctimeNs: 0n, inode: 1n }
    const unseen = [backedUp('/r/a', whole), backedUp('/r/b', { ...whole, mode: 0o600 })]
    const now = [live('a'), live('b')]
    expect(await compare(unseen, now, true)).toMatchObject({
      unchanged: 1,
      metadata: 1,
      changed: 0,
    })
    expect(await compare(unseen, now, false)).toMatchObject({ changed: 2, fetchBytes: 200 })
  })

  it('asks for no hash where nothing is unsure', async () => {
    const difference = await compareTree({
      entries: (async function* () {
        yield backedUp('/r', folder)
      })(),
      subtree: Buffer.from('/r'),
      live: sorted([live('', { type: 'directory', mtimeNs: 5n })]),
      can,
      ignoreRootTime: true,
      sameContent: async () => {
        throw new Error('asked')
      },
    })
    expect(difference).toMatchObject({ unchanged: 1, metadata: 0 })
  })
})
