import { describe, expect, it } from 'vitest'
import { checkpointPlaces } from '../../../src/databases/nebula/checkpoints/places.ts'
import { wantedCheckpoints } from '../../../src/databases/nebula/checkpoints/wanted.ts'
import type { HostCheckpoints, ServiceHost } from '../../../src/databases/nebula/contract.ts'
import type { Instance } from '../../../src/databases/nebula/instances.ts'

const name = 'BACKUP_2021_07_16_02_39_04'

function instance(hostName: string, more: Partial<Instance> = {}): Instance {
  const address = { host: `10.0.0.${hostName.slice(1)}`, port: 9779 }
  return {
    role: 'storaged',
    hostName,
    address,
    dial: address,
    installDir: '/opt/nebula',
    conf: '/opt/nebula/etc/nebula-storaged.conf',
    dataDirs: ['/d0', '/d1'],
    serviceDataDirs: ['/d0', '/d1'],
    pidFile: '/opt/nebula/pids/x',
    logDir: '/usr/local/nebula/logs',
    stderrLog: 'storaged-stderr.log',
    http: address,
    ...more,
  }
}

function owner(host: string, parts: ServiceHost['parts']): ServiceHost {
  const address = { host, port: 9779 }
  return { address, status: 'online', role: 'storage', gitSha: '', parts, leaderParts: {} }
}

function reported(host: string, ...paths: readonly string[]): HostCheckpoints {
  const checkpoints = paths.map(path => ({ path, partitions: new Map() }))
  return { host: { host, port: 9779 }, checkpoints }
}

const checkpoint = (dataDir: string) => `${dataDir}/nebula/1/checkpoints/${name}`

describe('checkpoints that a backup has to have', () => {
  const wanted = (hosts: readonly HostCheckpoints[], instances = [instance('s1')], settings = {}) =>
    wantedCheckpoints(
      { name, spaces: [{ id: 1, name: 'nba', hosts }] },
      [owner('10.0.0.1', { nba: [1] }), owner('10.0.0.2', { other: [1] })],
      instances,
      settings,
    )

  it('looks in all data paths of owners, whatever was named: 2.0 names the last only', () => {
    const { checkpoints } = wanted([reported('10.0.0.1', checkpoint('/d1'))])
    expect(checkpoints.map(({ path, data, live }) => ({ path, data, live }))).toEqual([
      { path: checkpoint('/d0'), data: 0, live: '/d0/nebula/1/data' },
      { path: checkpoint('/d1'), data: 1, live: '/d1/nebula/1/data' },
    ])
  })

  it('reads relative paths of 2.0 from the installation, and paths of containers by the map', () => {
    const relative = wanted([reported('10.0.0.1', checkpoint('data/storage'))])
    expect(relative.reported[0]?.path).toBe(checkpoint('/opt/nebula/data/storage'))
    const mapped = wanted([reported('10.0.0.1', checkpoint('/data/storage'))], undefined, {
      path_map: { s1: { '/data': '/var/lib/nebula' } },
    })
    expect(mapped.reported[0]?.path).toBe(checkpoint('/var/lib/nebula/storage'))
  })

  it.each([`/d0/nebula/2/checkpoints/${name}`, '/d0/nebula/1/checkpoints/../../x', '/etc'])(
    'refuses %s as a path of the checkpoint',
    path => {
      expect(() => wanted([reported('10.0.0.1', path)])).toThrowError(
        expect.objectContaining({ code: 'nebula.protocol' }) as Error,
      )
    },
  )

  it('refuses a storaged that the inventory does not have', () => {
    expect(() => wanted([], [instance('s9')])).toThrowError(
      expect.objectContaining({ code: 'nebula.topology' }) as Error,
    )
  })
})

describe('places of checkpoints', () => {
  it('are all data paths of storageds and metads and wal_path, each once', () => {
    const places = checkpointPlaces([
      instance('s1', { walDir: '/w' }),
      instance('s1', { role: 'metad', dataDirs: ['/m'] }),
      instance('s1', { role: 'metad', dataDirs: ['/d0'] }),
      instance('s1', { role: 'graphd', dataDirs: [] }),
    ])
    expect(places.map(({ role, folder, kind }) => `${role} ${folder} ${kind}`)).toEqual([
      'storaged /d0 data',
      'storaged /d1 data',
      'storaged /w wal',
      'metad /m data',
    ])
  })
})
