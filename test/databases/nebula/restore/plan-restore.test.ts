import { describe, expect, it } from 'vitest'
import { asBkpError, type BkpError } from '../../../../src/base/errors.ts'
import type { NebulaBackupMetadata } from '../../../../src/databases/nebula/backup-metadata.ts'
import {
  planRestore,
  type RestorePlan,
  type RestoreRequest,
} from '../../../../src/databases/nebula/restore/plan-restore.ts'
import { makeBackup, makeInstance } from './backup.ts'

const metad = makeInstance('metad', '10.0.0.1:9559')
const storaged = (n: number) => makeInstance('storaged', `10.0.0.${n}:9779`)

function request(overrides: Partial<RestoreRequest> = {}): RestoreRequest {
  return {
    cluster: {
      generation: '3.3',
      version: '3.8.0',
      instances: [metad, storaged(1), storaged(2)],
    },
    hostMap: {},
    spaces: [],
    live: [
      { id: 1, name: 'nba' },
      { id: 2, name: 'cars' },
    ],
    existing: {},
    allowMissing: [],
    ...overrides,
  }
}

const backup = makeBackup(['10.0.0.1:9779', '10.0.0.2:9779'])
const partial = makeBackup(['10.0.0.1:9779'], {
  all_spaces: false,
  spaces: backup.spaces.slice(0, 1),
  roots: backup.roots.filter(({ as }) => as === 'storaged/10.0.0.1:9779/data0/1' || as === 'meta'),
})

function refusal(of: NebulaBackupMetadata, overrides: Partial<RestoreRequest>): BkpError {
  try {
    planRestore(of, request(overrides))
  } catch (thrown) {
    return asBkpError(thrown)
  }
  throw new Error('it was not refused')
}

describe('a restore to the same hosts', () => {
  const plan: RestorePlan = planRestore(
    backup,
    request({
      existing: {
        h1: ['/data/metad/nebula', '/data/storaged/nebula/1', '/data/storaged/nebula/7'],
        h2: ['/data/storaged/nebula/2', '/data/storaged/nebula/0'],
      },
    }),
  )

  it('puts every tree back where its storaged keeps it', () => {
    expect(plan.stage).toEqual({
      host_map: { h1: 'h1', h2: 'h2' },
      path_map: {
        'storaged/10.0.0.1:9779/data0/1': '/data/storaged/nebula/1',
        'storaged/10.0.0.1:9779/data0/2': '/data/storaged/nebula/2',
        'storaged/10.0.0.2:9779/data0/1': '/data/storaged/nebula/1',
        'storaged/10.0.0.2:9779/data0/2': '/data/storaged/nebula/2',
      },
      paths: backup.roots.map(({ as }) => as).filter(as => as !== 'meta'),
    })
    expect(plan.meta).toMatchObject({ method: 'restore_meta', pairs: [] })
    expect(plan.scope.metaFiles).toEqual(backup.meta_files)
  })

  it('sets aside what metads have, and spaces that are not in the backup; never space 0', () => {
    expect(plan.aside).toEqual({ h1: ['/data/metad/nebula', '/data/storaged/nebula/7'] })
    expect(plan.clusterIdFiles).toEqual({
      h1: ['/usr/local/nebula/cluster.id'],
      h2: ['/usr/local/nebula/cluster.id'],
    })
  })

  it('knows what must be there afterwards', () => {
    expect(plan.fingerprints).toEqual({ nba: null, cars: backup.spaces[1]?.fingerprint })
  })
})

it('sets aside old data of a storaged that gets nothing of a space', () => {
  const existing = { h3: ['/data/storaged/nebula/1'] }
  const instances = [metad, storaged(1), storaged(2), storaged(3)]
  const cluster = { generation: '3.3', version: '3.8.0', instances } as const
  const plan = planRestore(backup, request({ cluster, existing }))
  expect(plan.aside).toEqual(existing)
  expect(plan.lines.join('\n')).toContain('+ storaged 10.0.0.3:9779')
})

it('leaves space 0 of a storaged alone where a metad shares its data path', () => {
  const shared = { dataDirs: ['/data/both'] }
  const instances = [
    makeInstance('metad', '10.0.0.1:9559', shared),
    makeInstance('storaged', '10.0.0.1:9779', shared),
    storaged(2),
  ]
  const existing = { h1: ['/data/both/nebula/0', '/data/both/nebula', '/data/both/nebula/9'] }
  const cluster = { generation: '3.3', version: '3.8.0', instances } as const
  expect(planRestore(backup, request({ cluster, existing })).aside).toEqual({
    h1: ['/data/both/nebula/0', '/data/both/nebula/9'],
  })
})

describe('a restore to other hosts', () => {
  const moved = {
    cluster: {
      generation: '3.3',
      version: '3.8.0',
      instances: [metad, storaged(1), storaged(3)],
    },
    hostMap: { '10.0.0.2:9779': '10.0.0.3:9779' },
  } as const

  it('follows the map, and tells the metads of what changes', () => {
    const { stage, meta, lines } = planRestore(backup, request(moved))
    expect(stage.host_map).toEqual({ h1: 'h1', h2: 'h3' })
    expect(meta.pairs).toEqual([{ from: '10.0.0.2:9779', to: '10.0.0.3:9779' }])
    expect(lines).toContain(
      '~ storaged 10.0.0.2:9779 becomes 10.0.0.3:9779 (h3, 2 trees of space 1, 2)',
    )
  })

  it('refuses without a map, and shows both sides', () => {
    const error = refusal(backup, { ...moved, hostMap: {} })
    expect(error.code).toBe('nebula.topology')
    expect(error.message).toContain('10.0.0.2:9779 held partitions')
    expect(error.message).toContain('+ storaged 10.0.0.3:9779')
    expect(error.hint).toContain('host_map')
  })

  it('refuses other numbers of data paths, pair by pair', () => {
    const two = makeBackup(['10.0.0.1:9779', '10.0.0.2:9779'], { dataPaths: 2 })
    const error = refusal(two, {})
    expect(error.message).toContain('10.0.0.1:9779 had 2 data paths (/old/data0, /old/data1)')
    expect(error.message).toContain('10.0.0.2:9779 had 2 data paths')
  })

  it('refuses to take the storageds of one host apart', () => {
    const together = makeBackup(['10.0.0.1:9779', '10.0.0.1:9780'])
    const error = refusal(together, { hostMap: { '10.0.0.1:9780': '10.0.0.2:9779' } })
    expect(error.message).toContain('storageds of h1 would go to several hosts')
  })
})

describe('logs that are kept apart', () => {
  const withWal = makeBackup(['10.0.0.1:9779', '10.0.0.2:9779'], {
    generation: '2.1',
    version: '2.6.1',
    storageds: backup.storageds.map(each => ({ ...each, wal_dir: '/old/wal' })),
    roots: [
      ...backup.roots,
      {
        as: 'storaged/10.0.0.1:9779/wal/1',
        host: 'h1',
        path: '/old/wal/nebula/1/checkpoints/BACKUP_2026_11_21_10_00_00/wal',
        role: 'storaged',
        address: '10.0.0.1:9779',
        space: 1,
      },
    ],
  })
  const instances = [
    metad,
    makeInstance('storaged', '10.0.0.1:9779', { walDir: '/wal' }),
    makeInstance('storaged', '10.0.0.2:9779', { walDir: '/wal' }),
  ]

  it('go where the new storaged keeps them; others there are set aside', () => {
    const cluster = { generation: '2.1', version: '2.6.1', instances } as const
    const existing = { h1: ['/wal/nebula/1', '/wal/nebula/2'], h2: ['/wal/nebula/1'] }
    const plan = planRestore(withWal, request({ cluster, existing }))
    expect(plan.stage.path_map['storaged/10.0.0.1:9779/wal/1']).toBe('/wal/nebula/1/wal')
    expect(plan.aside).toEqual({ h1: ['/wal/nebula/2'], h2: ['/wal/nebula/1'] })
  })

  it('are refused where the new one has no place for them', () => {
    const cluster = {
      generation: '2.1',
      version: '2.6.1',
      instances: [metad, storaged(1), storaged(2)],
    } as const
    expect(refusal(withWal, { cluster }).message).toContain('has no --wal_path')
  })
})

describe('versions', () => {
  const of = (generation: '2.0' | '2.1' | '3.0' | '3.3', version: string) => ({
    cluster: { generation, version, instances: [metad, storaged(1), storaged(2)] },
  })

  it.each([
    ['2.0', '2.0.1'],
    ['2.1', '2.6.1'],
  ] as const)('refuses 3.8 data for %s', (generation, version) => {
    const error = refusal(backup, of(generation, version))
    expect(error.code).toBe('nebula.version')
    expect(error.hint).toContain('db_upgrader')
  })

  it('takes another minor of the same format with a warning, and the same without', () => {
    const { lines } = planRestore(backup, request(of('3.0', '3.1.0')))
    expect(lines.join('\n')).toContain(
      "warning: the backup is of NebulaGraph 3.8.0, newer than the cluster's 3.1.0",
    )
    expect(planRestore(backup, request()).lines.join('\n')).not.toContain('warning')
  })
})

describe('ids that are given anew', () => {
  it('are warned of where the counter is in no backup', () => {
    const version = { generation: '2.0', version: '2.0.1' } as const
    const old = { ...backup, ...version, meta_files: ['__spaces__.sst', '__parts__.sst'] }
    const { lines } = planRestore(old, request({ cluster: { ...request().cluster, ...version } }))
    expect(lines.at(-1)).toMatch(/^warning: metads of 2\.0 count ids from 1 again.* up to 2\)$/)
    expect(planRestore(backup, request()).lines.join()).not.toContain('count ids')
  })
})

describe('a restore of single spaces', () => {
  it('leaves the metads, their ids and other spaces as they are', () => {
    const existing = {
      h1: ['/data/metad/nebula', '/data/storaged/nebula/2'],
      h2: ['/data/storaged/nebula/1', '/data/storaged/nebula/2'],
    }
    const plan = planRestore(partial, request({ spaces: ['nba'], existing }))
    expect(plan.aside).toEqual({ h2: ['/data/storaged/nebula/1'] })
    expect(plan.scope).toEqual({
      kind: 'spaces',
      spaces: [{ id: 1, name: 'nba' }],
      metaFiles: ['__spaces__.sst', '__parts__.sst'],
    })
    expect(plan.clusterIdFiles).toEqual({})
    expect(plan.stage.paths).toEqual(['storaged/10.0.0.1:9779/data0/1'])
  })

  it.each([
    ['a space that the backup lacks', partial, { spaces: ['cats'] }, 'holds no space cats'],
    ['a part of a backup of all spaces', backup, { spaces: ['nba'] }, 'replace the schemas'],
    ['another id', partial, { live: [{ id: 5, name: 'nba' }] }, 'has the id 5'],
    ['a space that is gone', partial, { live: [] }, 'the cluster has no space nba'],
    [
      'other hosts',
      partial,
      { hostMap: { '10.0.0.1:9779': '10.0.0.2:9779' } },
      'other spaces keep their partitions there',
    ],
  ])('refuses %s', (_, of, overrides, message) => {
    expect(refusal(of, overrides).message).toContain(message)
  })

  it('refuses where no metad answers', () => {
    const { live: _live, ...dead } = request()
    expect(() => planRestore(partial, dead)).toThrow('no metad answers')
    expect(planRestore(backup, dead).scope.kind).toBe('all')
  })

  it('refuses for 2.0', () => {
    const old = { ...partial, generation: '2.0' as const, version: '2.0.1' }
    const cluster = { ...request().cluster, generation: '2.0' as const, version: '2.0.1' }
    expect(refusal(old, { cluster }).message).toContain('2.0 cannot put single spaces back')
  })
})

it('leaves out what a missing host held only where that was allowed', () => {
  const cluster = { ...request().cluster, instances: [metad, storaged(1)] }
  expect(refusal(backup, { cluster }).message).toContain('10.0.0.2:9779 held partitions')
  const { stage, lines } = planRestore(backup, request({ cluster, allowMissing: ['h2'] }))
  expect(stage.paths).toHaveLength(2)
  expect(lines.join('\n')).toContain('WARNING: it held partitions')
})
