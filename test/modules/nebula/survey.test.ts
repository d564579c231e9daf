import { describe, expect, test } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { ReadOnlyHost } from '../../../src/connection/contract.ts'
import type { NebulaBackupMetadata } from '../../../src/databases/nebula/backup-metadata.ts'
import { topologyChanges } from '../../../src/databases/nebula/topology/compare.ts'
import { check } from '../../../src/modules/nebula/check.ts'
import { survey } from '../../../src/modules/nebula/survey.ts'
import { countCopies } from '../../../src/modules/nebula/surveying/count-copies.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { type Answerer, deadHost, fakeHost, files } from '../../databases/nebula/fake-host.ts'
import { backUp, backupOptions, memoryHost } from '../../repository/support.ts'
import { planAt } from '../repository/site.ts'
import { healthyHost } from './check-host-answers.ts'
import { confs, fakeMeta, nebulaSite, wholeCluster } from './scene.ts'

const etc = '/usr/local/nebula/etc'

/** What selectPaths finds among paths; a slash at the end is a folder. */
function globs(paths: readonly string[]): Answerer {
  return ({ kind, args }) => {
    if (kind !== 'selectPaths') return undefined
    return (args['patterns'] as readonly string[]).flatMap((glob, pattern) => {
      const text = glob.replaceAll('.', '\\.').replaceAll('*', '[^/]*')
      const fits = new RegExp(`^${text}$`)
      return paths
        .filter(path => fits.test(path.replace(/\/$/, '')))
        .map(path => ({
          pattern,
          path: path.replace(/\/$/, ''),
          kind: path.endsWith('/') ? 'directory' : 'file',
        }))
    })
  }
}

/** Daemons that run on a host, by role. */
function running(roles: Readonly<Record<string, number>>): Answerer {
  return ({ kind }) => {
    if (kind === 'heldLocks') return []
    if (kind === 'listeningPorts') {
      return Object.values(roles).map(port => ({ address: '0.0.0.0', port }))
    }
    if (kind !== 'processes') return undefined
    return Object.keys(roles).map((role, index) => ({
      pid: 100 + index,
      startTicks: '1',
      argv: [`/usr/local/nebula/bin/nebula-${role}`, '--flagfile', `${etc}/nebula-${role}.conf`],
      otherFiles: [],
      parent: { pid: 1, name: 'init' },
    }))
  }
}

function host(
  name: 'm1' | 's1' | 's2',
  paths: readonly string[],
  roles: Readonly<Record<string, number>> = {},
): ReadOnlyHost {
  return fakeHost(name, running(roles), globs(paths), files(confs[name]))
}

const m1 = host('m1', ['/data/meta/nebula/0/data/CURRENT', '/data/meta/nebula/0/wal/0/'], {
  metad: 9559,
})
const s1 = host('s1', [
  '/d1/nebula/1/data/CURRENT',
  '/d1/nebula/1/wal/1/',
  '/d1/nebula/1/wal/2/',
  // Logs of a path whose database is gone are no copy.
  '/d2/nebula/1/wal/3/',
  // What storaged keeps under 0 is no space.
  '/d1/nebula/0/data/CURRENT',
  '/d1/nebula/7/data/CURRENT',
  '/d1/nebula/7/wal/1/',
])
const s2 = host('s2', ['/d1/nebula/1/data/CURRENT', '/d1/nebula/1/wal/1/'], { storaged: 9779 })

const dead = fakeMeta(wholeCluster, {
  version: async () => {
    throw new BkpError('nebula.unreachable', 'no metad answers')
  },
})

const metadata: NebulaBackupMetadata = {
  kind: 'nebula',
  format: 1,
  name: 'BACKUP_2026_11_20_10_00_00',
  generation: '3.3',
  version: '3.8.0',
  created: '2026-11-20T10:00:01.000Z',
  all_spaces: true,
  spaces: [{ id: 1, name: 'nba', partitions: 3, replicas: 2, logs: {}, fingerprint: null }],
  storageds: [
    { address: '10.0.0.2:9779', host: 's1', version: '3.8.0', data_dirs: ['/d1'], wal_dir: null },
    { address: '10.0.0.7:9779', host: 's7', version: '3.8.0', data_dirs: ['/d1'], wal_dir: null },
  ],
  metads: [{ address: '10.0.0.1:9559', host: 'm1', data_dir: '/data/meta' }],
  answered_by: '10.0.0.1:9559',
  meta_files: ['__spaces__.sst'],
  roots: [
    {
      as: 'storaged/10.0.0.2:9779/data0/1',
      host: 's1',
      path: '/d1/nebula/1/checkpoints/BACKUP_2026_11_20_10_00_00',
      role: 'storaged',
      address: '10.0.0.2:9779',
      space: 1,
      data: 0,
    },
    {
      as: 'meta',
      host: 'm1',
      path: '/data/meta/nebula/0/checkpoints/BACKUP_2026_11_20_10_00_00',
      role: 'metad',
      address: '10.0.0.1:9559',
    },
  ],
  meta: 'AAAA',
  blocked_ms: 10,
}

async function stored(...each: readonly unknown[]): Promise<Storage> {
  const storage = createMemoryStorage()
  for (const one of each) {
    const source = memoryHost('s1')
    source.set('a', 'b')
    const options = backupOptions(storage, [source], {
      cluster: { kind: 'nebula', name: 'graph' },
      ...(one === undefined ? {} : { metadata: JSON.parse(JSON.stringify(one)) as null }),
    })
    await backUp(options, quietIo)
  }
  return storage
}

async function surveyed(options: Parameters<typeof nebulaSite>[0], storage?: string) {
  const args = { cluster: 'graph', ...(storage === undefined ? {} : { storage }) }
  const decision = await planAt(nebulaSite(options), survey, args)
  if (decision.kind !== 'unchanged') throw new Error('a survey changes nothing')
  return decision.result
}

describe('nebula.survey', () => {
  test('works with metads dead and hosts missing: disks and the newest backup say the rest', async () => {
    const storage = await stored(metadata)
    const found = await surveyed({ hosts: [m1, s1, deadHost('s2')], meta: dead, storage }, 'vault')
    expect(found.hosts.map(({ host, answers, reason }) => [host, answers, reason])).toEqual([
      ['m1', true, null],
      ['s1', true, null],
      ['s2', false, 'no SSH connection to s2'],
    ])
    expect(found.hosts[0]?.services).toEqual([
      { role: 'metad', address: '10.0.0.1:9559', state: 'running' },
      { role: 'graphd', address: '10.0.0.1:9669', state: 'stopped' },
    ])
    expect(
      found.hosts[1]?.data.map(({ path, space, database, partitions }) => [
        path,
        space,
        database,
        partitions,
      ]),
    ).toEqual([
      ['/d1', 1, true, [1, 2]],
      ['/d1', 7, true, [1]],
      ['/d2', 1, false, [3]],
    ])
    expect(found.metads).toEqual({
      leader: null,
      reason: 'no metad answers',
      expected: 1,
      with_data: ['10.0.0.1:9559'],
      quorum: true,
    })
    expect(
      found.partitions.map(({ name, partition, copies, quorum }) => [
        name,
        partition,
        copies.length,
        quorum,
      ]),
    ).toEqual([
      ['nba', 1, 1, false],
      ['nba', 2, 1, false],
      ['nba', 3, 0, false],
      [null, 1, 1, null],
    ])
    expect(found.backups).toEqual([
      {
        name: expect.stringMatching(/^2025/),
        time: expect.any(String),
        state: 'complete',
        version: '3.8.0',
        spaces: ['nba'],
        all_spaces: true,
        needs_hosts: [],
        problem: null,
      },
    ])
    expect(found.lines).toEqual([
      'HOSTS',
      '  m1  answers',
      '    metad 10.0.0.1:9559 running, has its data',
      '    graphd 10.0.0.1:9669 STOPPED',
      '  s1  answers',
      '    storaged 10.0.0.2:9779 STOPPED, data of spaces 1, 7',
      '  s2  NO ANSWER: no SSH connection to s2',
      'METADS',
      '  they do not answer: no metad answers',
      '  1 of 1 have their data: quorum',
      'SPACES',
      '  nba (id 1): 0 of 3 partitions have all 2 copies',
      '    NO QUORUM: partition 1, 2',
      '    NO COPY LEFT: partition 3',
      '  id 7: 1 partitions of a space that nobody knows',
      'BACKUPS',
      expect.stringMatching(/^ {2}2025\S+ {2}complete, all spaces \(nba\), NebulaGraph 3\.8\.0$/),
    ])
  })

  test('takes the spaces from the metads where they answer', async () => {
    const found = await surveyed({ hosts: [m1, s1, s2] })
    expect(found.hosts[2]).toMatchObject({ answers: true, reason: null })
    expect(found.metads).toMatchObject({ leader: '10.0.0.1:9559', reason: null })
    expect(found.partitions[0]).toEqual({
      space: 1,
      name: 'nba',
      partition: 1,
      replicas: 2,
      copies: ['10.0.0.2:9779', '10.0.0.3:9779'],
      quorum: true,
    })
    expect(found.lines).toContain('  nba (id 1): 1 of 3 partitions have all 2 copies')
    expect(found.lines).not.toContain('BACKUPS')
  })

  test('tells who must take the place of a host that is gone, and of what cannot be read', async () => {
    const storage = await stored({ kind: 'nebula', format: 99 }, metadata)
    const found = await surveyed({ hosts: [m1, s2], meta: dead, storage }, 'vault')
    expect(found.hosts.find(each => each.host === 's1')?.reason).toBe('it does not take part')
    expect(found.backups.map(({ needs_hosts, problem }) => [needs_hosts, problem])).toEqual([
      [['s1'], null],
      [[], expect.stringMatching(/format/)],
    ])
    expect(found.lines.some(line => line.endsWith('others must take the place of s1'))).toBe(true)
    expect(found.lines.some(line => line.includes('NOT READABLE'))).toBe(true)
  })

  test('tells the rest where the storage is gone, too', async () => {
    const storage: Storage = {
      ...createMemoryStorage(),
      get: async () => {
        throw new BkpError('storage.unreachable', 'no route to vault')
      },
    }
    const found = await surveyed({ hosts: [m1, s1, s2], storage }, 'vault')
    expect(found.damaged).toEqual(['no route to vault'])
    expect(found.partitions.length).toBeGreaterThan(0)
  })

  test('of a host whose configuration file is gone says so, and that it answers', async () => {
    const bare = fakeHost('s1', files({}))
    const found = await surveyed({ hosts: [m1, bare, s2] })
    expect(found.hosts[1]).toMatchObject({
      host: 's1',
      answers: true,
      reason: expect.stringMatching(/nebula-storaged\.conf is not there/),
    })
  })
})

test('logs in --wal_path count as a copy where the storaged has the database elsewhere', () => {
  const of = { role: 'storaged', address: '10.0.0.2:9779', space: 1 } as const
  const wal = { ...of, folder: '/w', kind: 'wal', hasDatabase: false, partitions: [1] } as const
  const data = { ...of, folder: '/d', kind: 'data', hasDatabase: true, partitions: [] } as const
  const on = (spaces: readonly (typeof wal | typeof data)[]) =>
    countCopies([{ host: 's1', answers: true, services: [], spaces }], [])
  expect(on([wal, data]).map(({ copies }) => copies)).toEqual([['10.0.0.2:9779']])
  expect(on([wal])).toEqual([])
})

describe('Since the newest backup', () => {
  test('hosts, data paths and partitions that changed are warnings of nebula.check', async () => {
    const older = { ...metadata, spaces: [{ ...metadata.spaces[0], partitions: 2 }] }
    const hosts = [healthyHost('m1'), healthyHost('s1'), healthyHost('s2')]
    const site = nebulaSite({ hosts, storage: await stored(older) })
    const decision = await planAt(site, check, { cluster: 'graph', storage: 'vault' })
    const warnings = decision.kind === 'change' ? decision.result?.warnings : []
    expect(warnings?.map(line => line.replace(/^since backup \S+: /, ''))).toEqual([
      'storaged 10.0.0.2:9779 had its data in /d1, and has it in /d1, /d2',
      'storaged 10.0.0.7:9779 of s7 is gone',
      'storaged 10.0.0.3:9779 of s2 is new',
      'space nba had 2 partitions, and has 3',
    ])
  })

  test.each([[{ kind: 'other' }], [undefined]])(
    'one with the metadata %j is a warning, too',
    async one => {
      const hosts = [healthyHost('m1'), healthyHost('s1'), healthyHost('s2')]
      const site = nebulaSite({ hosts, storage: await stored(one) })
      const decision = await planAt(site, check, { cluster: 'graph', storage: 'vault' })
      expect(decision.kind === 'change' && decision.result?.warnings).toEqual([
        expect.stringMatching(/newest backup cannot be compared with/),
      ])
    },
  )

  test('spaces that are gone, new or made anew are told, and another version', () => {
    const space = (id: number, name: string) => ({
      id,
      name,
      description: {
        name,
        partitions: 3,
        replicas: 1,
        charset: '',
        collate: '',
        vidType: { type: 2 },
      },
    })
    const before = {
      ...metadata,
      storageds: [],
      metads: [],
      spaces: [1, 2].map(id => ({ ...metadata.spaces[0], id, name: `s${id}` })),
    } as NebulaBackupMetadata
    const state = { version: '3.9.0', spaces: [space(9, 's1'), space(3, 's3')] }
    expect(topologyChanges(before, [], state)).toEqual([
      'space s1 was made anew: its id was 1, and is 9',
      'space s1 had 2 copies of each, and has 1',
      'space s2 was dropped',
      'space s3 is new',
      'version: it was 3.8.0, and is 3.9.0',
    ])
    const some = { ...before, all_spaces: false, version: null }
    expect(topologyChanges(some, [], state)).not.toContain('space s3 is new')
  })
})
