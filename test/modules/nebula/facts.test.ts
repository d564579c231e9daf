import { describe, expect, test } from 'vitest'
import { facts } from '../../../src/modules/nebula/facts.ts'
import { fakeHost, files } from '../../databases/nebula/fake-host.ts'
import { planAt } from '../repository/site.ts'
import { confs, fakeMeta, nebulaSite, row, wholeCluster } from './scene.ts'

const hosts = [
  fakeHost('m1', files(confs.m1)),
  fakeHost('s1', files(confs.s1)),
  fakeHost('s2', files(confs.s2)),
]

describe('nebula.facts', () => {
  test('puts together what metads and configuration files say', async () => {
    const decision = await planAt(nebulaSite({ hosts }), facts, { cluster: 'graph' })
    expect(decision.kind).toBe('unchanged')
    expect(decision.kind === 'unchanged' && decision.result).toEqual({
      generation: '3.3',
      version: '3.8.0',
      leader: '10.0.0.1:9559',
      metads: [
        {
          address: '10.0.0.1:9559',
          host: 'm1',
          status: 'online',
          version: '3.8.0',
          data_dirs: ['/data/meta'],
        },
      ],
      storageds: [
        {
          address: '10.0.0.2:9779',
          host: 's1',
          status: 'online',
          version: '3.8.0',
          data_dirs: ['/d1', '/d2'],
          wal_dir: null,
          partitions: { nba: [1, 2, 3] },
          leaders: { nba: [1, 3] },
        },
        {
          address: '10.0.0.3:9779',
          host: 's2',
          status: 'online',
          version: '3.8.0',
          data_dirs: ['/d1', '/d2'],
          wal_dir: null,
          partitions: { nba: [1, 2, 3] },
          leaders: { nba: [2] },
        },
      ],
      graphds: [
        { address: '10.0.0.1:9669', host: 'm1', status: 'online', version: '3.8.0', data_dirs: [] },
      ],
      spaces: [{ id: 1, name: 'nba', partitions: 3, replicas: 2, vid: 'FIXED_STRING(32)' }],
      snapshots: [
        { name: 'SNAPSHOT_2026_11_20_10_00_00', status: 'valid', hosts: ['10.0.0.2:9779'] },
      ],
    })
  })

  test('tells of services that only one of the two knows', async () => {
    const [first] = wholeCluster.storageds
    if (first === undefined) throw new Error('no storaged')
    const stranger = row('10.0.0.9:9779', { role: 'storage', status: 'offline' })
    const meta = fakeMeta({ ...wholeCluster, storageds: [first, stranger] })
    const decision = await planAt(nebulaSite({ hosts, meta }), facts, { cluster: 'graph' })
    const found = decision.kind === 'unchanged' ? decision.result.storageds : []
    expect(found.map(({ address, host, status }) => [address, host, status])).toEqual([
      ['10.0.0.2:9779', 's1', 'online'],
      ['10.0.0.3:9779', 's2', 'absent'],
      ['10.0.0.9:9779', null, 'offline'],
    ])
  })

  test('lets go of its connections whatever happens', async () => {
    let closed = 0
    const meta = fakeMeta(wholeCluster, {
      leader: async () => {
        throw new Error('lost')
      },
      close: async () => {
        closed += 1
      },
    })
    await expect(planAt(nebulaSite({ hosts, meta }), facts, { cluster: 'graph' })).rejects.toThrow(
      'lost',
    )
    expect(closed).toBe(1)
  })

  test.each([
    [{ kind: 'files' }, /is of kind files, not nebula/],
    [{ roles: { storaged: ['s1'] } }, /no host of the role metad/],
  ])('refuses %j', async (options, message) => {
    const site = nebulaSite({ hosts, ...options })
    await expect(planAt(site, facts, { cluster: 'graph' })).rejects.toThrow(message)
  })
})
