import { describe, expect, it } from 'vitest'
import type { NebulaBackupMetadata } from '../../../src/databases/nebula/backup-metadata.ts'
import { readBackupMetadata } from '../../../src/databases/nebula/backup-metadata.ts'

const name = 'BACKUP_2021_07_16_02_39_04'
const good: NebulaBackupMetadata = {
  kind: 'nebula',
  format: 1,
  name,
  generation: '2.1',
  version: '2.6.1',
  created: '2021-07-16T02:39:05.000Z',
  all_spaces: true,
  spaces: [
    {
      id: 1,
      name: 'nba',
      partitions: 2,
      replicas: 1,
      logs: { 1: { log: '10', term: '2' } },
      fingerprint: { vertices: 3, edges: 2, tags: { player: 3 }, edgeTypes: { follow: 2 } },
    },
  ],
  storageds: [
    {
      address: '10.0.0.1:9779',
      host: 'a',
      version: null,
      data_dirs: ['/d0', '/d1'],
      wal_dir: '/wal',
    },
  ],
  metads: [{ address: '10.0.0.1:9559', host: 'a', data_dir: '/meta' }],
  answered_by: '10.0.0.1:9559',
  meta_files: ['__spaces__.sst'],
  roots: [
    {
      as: 'storaged/10.0.0.1:9779/data1/1',
      host: 'a',
      path: `/d1/nebula/1/checkpoints/${name}`,
      role: 'storaged',
      address: '10.0.0.1:9779',
      space: 1,
      data: 1,
    },
    {
      as: 'storaged/10.0.0.1:9779/wal/1',
      host: 'a',
      path: `/wal/nebula/1/checkpoints/${name}/wal`,
      role: 'storaged',
      address: '10.0.0.1:9779',
      space: 1,
    },
    {
      as: 'meta',
      host: 'a',
      path: `/meta/nebula/0/checkpoints/${name}`,
      role: 'metad',
      address: '10.0.0.1:9559',
    },
  ],
  meta: 'AAAA',
  blocked_ms: 12,
}

/** The good one with another value at a place: `spaces.0.id`. */
function edited(place: string, to: unknown): unknown {
  const value = structuredClone(good) as unknown
  const words = place.split('.')
  const last = words.pop() ?? ''
  const target = words.reduce((inner, word) => (inner as Record<string, unknown>)[word], value)
  Object.assign(target as object, { [last]: to })
  return value
}

describe('metadata of a backup', () => {
  it('reads what was written, as JSON carries it', () => {
    expect(readBackupMetadata(JSON.parse(JSON.stringify(good)))).toEqual(good)
  })

  it('leaves out what it does not know', () => {
    expect(readBackupMetadata(edited('more', 1))).toEqual(good)
  })

  it.each<[what: string, place: string, to: unknown]>([
    ['name', 'name', '../x'],
    ['generation', 'generation', '1.0'],
    ['format', 'format', 2],
    ['blocked_ms', 'blocked_ms', -1],
    ['meta', 'meta', '!!'],
    ['created', 'created', 'yesterday'],
    ['meta_files', 'meta_files', ['../../etc/x']],
    ['meta_files', 'meta_files', []],
    ['answered_by', 'answered_by', '10.0.0.2:9559'],
    ['spaces[0].id', 'spaces.0.id', 0],
    ['spaces[0].id', 'spaces.0.id', '1'],
    ['spaces', 'spaces', [...good.spaces, ...good.spaces]],
    ['partition 9', 'spaces.0.logs', { 9: { log: '1', term: '1' } }],
    ['logs', 'spaces.0.logs', { x: { log: '1', term: '1' } }],
    ['roots[0].as', 'roots.0.as', 'storaged/../../x'],
    ['roots[0].path', 'roots.0.path', '/d/../../etc'],
    ['roots[0].host', 'roots.0.host', '-oProxyCommand=x'],
    ['roots[0].space', 'roots.0.space', 2],
    ['roots[0].address', 'roots.0.address', '10.0.0.9:9779'],
    ['roots', 'roots', good.roots.slice(0, 2)],
    ['data path 1', 'storageds.0.data_dirs', ['/d0']],
    ['storageds', 'storageds', null],
  ])('refuses a wrong %s', async (what, place, to) => {
    await expect(async () => readBackupMetadata(edited(place, to))).rejects.toMatchObject({
      code: 'nebula.backup_invalid',
      message: expect.stringContaining(what) as string,
    })
  })

  it.each([null, 'x', [], 1])('refuses %j', async json => {
    await expect(async () => readBackupMetadata(json)).rejects.toMatchObject({
      code: 'nebula.backup_invalid',
    })
  })
})
