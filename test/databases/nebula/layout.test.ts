import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkpointFolder,
  checkpointKind,
  isCheckpointName,
  metaCheckpointFolder,
  parseAddress,
  parseCheckpointPath,
  parseRootName,
  rootName,
  walFolder,
} from '../../../src/databases/nebula/layout.ts'

const name = 'BACKUP_2021_07_16_02_39_04'

describe('names of snapshots and backups', () => {
  it('tells what made one', () => {
    expect(checkpointKind(name)).toBe('backup')
    expect(checkpointKind('SNAPSHOT_2021_03_09_08_43_12')).toBe('snapshot')
    expect(checkpointKind('SNAPSHOT')).toBeUndefined()
  })

  it.each([
    '',
    '..',
    'BACKUP_2021_07_16_02_39_04/..',
    'BACKUP_2021_07_16_02_39_04\n',
    'BACKUP_2021_07_16_02_39',
    'backup_2021_07_16_02_39_04',
    'xBACKUP_2021_07_16_02_39_04',
  ])('takes %j for no such name', text => {
    expect(isCheckpointName(text)).toBe(false)
  })
})

describe('folders (specs/nebula.md §3.2)', () => {
  it('puts them where the vendor does', () => {
    expect(checkpointFolder('/data/a', 1, name)).toBe(`/data/a/nebula/1/checkpoints/${name}`)
    expect(checkpointFolder('/data/a//', 1, name)).toBe(`/data/a/nebula/1/checkpoints/${name}`)
    expect(walFolder('/wal', 7, name)).toBe(`/wal/nebula/7/checkpoints/${name}/wal`)
    expect(metaCheckpointFolder('/meta', name)).toBe(`/meta/nebula/0/checkpoints/${name}`)
  })

  it('reads its own paths, and relative ones of 2.0', () => {
    expect(parseCheckpointPath(checkpointFolder('/d', 3, name))).toEqual({
      dataDir: '/d',
      space: 3,
      name,
    })
    expect(parseCheckpointPath(`data/storage/nebula/1/checkpoints/${name}`)).toEqual({
      dataDir: 'data/storage',
      space: 1,
      name,
    })
  })

  it.each([
    `/d/nebula/x/checkpoints/${name}`,
    `/d/nebula/1/checkpoints/${name}/data`,
    '/d/nebula/1/checkpoints/..',
    `/d/nebula/9999999999/checkpoints/${name}`,
    '',
  ])('does not take %j for a checkpoint', path => {
    expect(parseCheckpointPath(path)).toBeUndefined()
  })
})

describe('logical roots', () => {
  it('reads what it builds', () => {
    fc.assert(
      fc.property(
        fc.domain(),
        fc.integer({ min: 1, max: 65_535 }),
        fc.nat(9999),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        (host, port, data, space) => {
          const address = `${host}:${port}`
          for (const root of [
            { kind: 'data', address, data, space },
            { kind: 'wal', address, space },
            { kind: 'meta' },
          ] as const) {
            expect(parseRootName(rootName(root))).toEqual(root)
          }
        },
      ),
    )
  })

  it.each([
    'storaged/a:9779/data0',
    'storaged/a:9779/data00/1',
    'storaged/a:9779/data0/0',
    'storaged/a:9779/data0/../1',
    'storaged/a/data0/1',
    'storaged/..:1/../data0/1',
    'storaged/a:99999/wal/1',
    'meta/x',
    '/meta',
    'storaged/a:9779/data0/1\n',
  ])('takes %j for none', text => {
    expect(parseRootName(text)).toBeUndefined()
  })

  it('splits an address at its last colon', () => {
    expect(parseAddress('fe80::1:9779')).toEqual({ host: 'fe80::1', port: 9779 })
    expect(parseAddress('a b:1')).toBeUndefined()
    expect(parseAddress('a:0')).toBeUndefined()
  })
})
