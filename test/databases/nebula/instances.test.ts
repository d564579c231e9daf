import { describe, expect, test } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { ReadOnlyHost } from '../../../src/connection/contract.ts'
import { readInstances } from '../../../src/databases/nebula/read-instances.ts'
import type { NebulaSettings } from '../../../src/databases/nebula/settings.ts'
import { errorOf } from '../../connection/support.ts'
import { fakeHost, files } from './fake-host.ts'

const etc = '/usr/local/nebula/etc'
const roles = { metad: ['m1'], storaged: ['s1', 's2'], graphd: ['m1'] }

const read = (hosts: readonly ReadOnlyHost[], settings: NebulaSettings = {}) =>
  readInstances(hosts, { roles, settings }, quietIo)

function m1(extra: Readonly<Record<string, string>> = {}): ReadOnlyHost {
  return fakeHost(
    'm1',
    files({
      [`${etc}/nebula-metad.conf`]: '--local_ip=192.168.8.1\n--port=9560\n--data_path=data/meta\n',
      [`${etc}/nebula-graphd.conf`]: '--local_ip=192.168.8.1\n--ws_http_port=1234\n',
      ...extra,
    }),
  )
}

function storaged(name: string, conf: string, hostname?: string): ReadOnlyHost {
  return fakeHost(name, files({ [`${etc}/nebula-storaged.conf`]: conf }, hostname))
}

describe('Services', () => {
  test('are as their configuration files say, role by role', async () => {
    const s1 = storaged(
      's1',
      '--local_ip=10.0.0.1\n--data_path=/d1/storage,/d2/storage/\n--wal_path=/ssd\n--pid_file=/run/s.pid\n--ws_ip=10.0.0.9\n--log_dir=/var/log/nebula\n--stderr_log_file=stderr.log',
    )
    expect(await read([s1, m1()])).toEqual([
      {
        role: 'metad',
        hostName: 'm1',
        address: { host: '192.168.8.1', port: 9560 },
        dial: { host: '192.168.8.1', port: 9560 },
        installDir: '/usr/local/nebula',
        conf: `${etc}/nebula-metad.conf`,
        dataDirs: ['/usr/local/nebula/data/meta'],
        serviceDataDirs: ['/usr/local/nebula/data/meta'],
        pidFile: '/usr/local/nebula/pids/nebula-metad.pid',
        logDir: '/usr/local/nebula/logs',
        stderrLog: 'metad-stderr.log',
        http: { host: '192.168.8.1', port: 19_559 },
      },
      {
        role: 'storaged',
        hostName: 's1',
        address: { host: '10.0.0.1', port: 9779 },
        dial: { host: '10.0.0.1', port: 9779 },
        installDir: '/usr/local/nebula',
        conf: `${etc}/nebula-storaged.conf`,
        dataDirs: ['/d1/storage', '/d2/storage'],
        serviceDataDirs: ['/d1/storage', '/d2/storage'],
        walDir: '/ssd',
        pidFile: '/run/s.pid',
        logDir: '/var/log/nebula',
        stderrLog: 'stderr.log',
        http: { host: '10.0.0.9', port: 19_779 },
      },
      {
        role: 'graphd',
        hostName: 'm1',
        address: { host: '192.168.8.1', port: 9669 },
        dial: { host: '192.168.8.1', port: 9669 },
        installDir: '/usr/local/nebula',
        conf: `${etc}/nebula-graphd.conf`,
        dataDirs: [],
        serviceDataDirs: [],
        pidFile: '/usr/local/nebula/pids/nebula-graphd.pid',
        logDir: '/usr/local/nebula/logs',
        stderrLog: 'graphd-stderr.log',
        http: { host: '192.168.8.1', port: 1234 },
      },
    ])
  })

  test('have their logs where they are found, whatever their files say', async () => {
    const odd = '--local_ip=10.0.0.1\n--data_path=/d\n--log_dir=a\u0007b\n--stderr_log_file=../x'
    const [service] = await read([storaged('s1', odd)])
    expect(service).toMatchObject({
      logDir: '/usr/local/nebula/logs',
      stderrLog: 'storaged-stderr.log',
    })
  })

  test('with names for addresses are reached by the loopback; without, they go by the host name', async () => {
    const named = await read([storaged('s1', '--local_ip=storaged0\n--data_path=/d')])
    expect(named[0]).toMatchObject({
      address: { host: 'storaged0', port: 9779 },
      dial: { host: '127.0.0.1', port: 9779 },
    })
    const silent = await read([storaged('s1', '--data_path=/d', 'store-1.example')])
    expect(silent[0]?.address).toEqual({ host: 'store-1.example', port: 9779 })
    const dull = await read([storaged('s1', '--data_path=/d', '$(x)')])
    expect(dull[0]?.address.host).toBe('s1')
  })

  test('have the settings of the inventory before those of their files', async () => {
    const settings: NebulaSettings = {
      install_dir: '/opt/nebula',
      ports: { storaged: 9700, storaged_http: 9701 },
      address_map: { 'storaged0:9700': '10.1.1.1:32000' },
      path_map: { s1: [{ '/data': '/var/lib/nebula', '/usr/local/nebula': '/opt/nebula' }] },
    }
    const conf = '--local_ip=storaged0\n--port=1\n--data_path=/data,data/two'
    const host = fakeHost('s1', files({ '/opt/nebula/etc/nebula-storaged.conf': conf }))
    const [one] = await read([host], settings)
    expect(one).toMatchObject({
      address: { host: 'storaged0', port: 9700 },
      dial: { host: '10.1.1.1', port: 32_000 },
      http: { host: '10.1.1.1', port: 9701 },
      dataDirs: ['/var/lib/nebula', '/opt/nebula/data/two'],
      serviceDataDirs: ['/data', '/usr/local/nebula/data/two'],
    })
  })

  test('of one role on one host are told apart by instances', async () => {
    const host = fakeHost(
      's1',
      files({
        [`${etc}/a.conf`]: '--local_ip=10.0.0.1\n--port=9779\n--data_path=/a',
        '/opt/b/etc/nebula-storaged.conf': '--local_ip=10.0.0.1\n--port=9879\n--data_path=b',
      }),
    )
    const settings: NebulaSettings = {
      instances: { storaged: { s1: [{ conf: 'etc/a.conf' }, { install_dir: '/opt/b' }] } },
    }
    const found = await read([host], settings)
    expect(found.map(({ address, dataDirs }) => [address.port, dataDirs[0]])).toEqual([
      [9779, '/a'],
      [9879, '/opt/b/b'],
    ])
  })

  test('that share an address are refused', async () => {
    const conf = '--local_ip=127.0.0.1\n--data_path=/d'
    await expect(read([storaged('s1', conf), storaged('s2', conf)])).rejects.toMatchObject({
      code: 'inventory.invalid',
      message: expect.stringContaining('storaged 127.0.0.1:9779 is both on s1'),
    })
  })

  test('need no files where the inventory says what they are: after a disaster', async () => {
    const host = fakeHost('s1', files({}))
    const settings: NebulaSettings = {
      path_map: { s1: [{ '/data': '/var/lib' }] },
      instances: {
        storaged: { s1: [{ address: '10.0.0.1:9780', data_dirs: ['/var/lib/1'], wal_dir: '/w' }] },
      },
    }
    expect((await read([host], settings))[0]).toMatchObject({
      address: { host: '10.0.0.1', port: 9780 },
      dial: { host: '10.0.0.1', port: 9780 },
      dataDirs: ['/var/lib/1'],
      serviceDataDirs: ['/data/1'],
      walDir: '/w',
      pidFile: '/usr/local/nebula/pids/nebula-storaged.pid',
    })
  })
})

describe('A file', () => {
  test('that is not there is an error that names it, its host and what to set', async () => {
    await expect(read([fakeHost('s1', files({}))])).rejects.toMatchObject({
      code: 'file.unreadable',
      message: `s1: ${etc}/nebula-storaged.conf is not there`,
      hint: expect.stringMatching(
        /install_dir.*conf: .*instances: { storaged: { s1: \[{ address: "HOST:9779", data_dirs: \[.*wal_dir.*ansible_become: true for s1/,
      ),
    })
  })

  test('that is not there says of graphd what graphd needs', async () => {
    const settings = { instances: { metad: { m1: [{ data_dirs: ['/m'] }] } } }
    await expect(read([fakeHost('m1', files({}))], settings)).rejects.toMatchObject({
      message: `m1: ${etc}/nebula-graphd.conf is not there`,
      hint: expect.stringContaining(
        'instances: { graphd: { m1: [{ address: "HOST:9669" }] } }; if only root',
      ),
    })
  })

  test('that is not there is told with all others, each with its host', async () => {
    const refused = await errorOf(read([fakeHost('m1', files({})), fakeHost('s2', files({}))]))
    expect(refused.code).toBe('file.unreadable')
    expect(refused.faults.map(({ message }) => message)).toEqual([
      `m1: ${etc}/nebula-metad.conf is not there`,
      `m1: ${etc}/nebula-graphd.conf is not there`,
      `s2: ${etc}/nebula-storaged.conf is not there`,
    ])
  })

  test('that only root can read is told with its host and what to write', async () => {
    const closed: ReadOnlyHost = {
      ...fakeHost('s1'),
      ask: async () => {
        throw new BkpError('file.unreadable', `${etc}/nebula-storaged.conf cannot be read: denied`)
      },
    }
    await expect(read([closed])).rejects.toMatchObject({
      code: 'file.unreadable',
      message: `s1: ${etc}/nebula-storaged.conf cannot be read: denied`,
      hint: expect.stringContaining('ansible_become: true for s1'),
      details: { host: 's1' },
    })
  })

  test.each([
    ['--local_ip=10.0.0.1', /names no --data_path/, { data_dirs: ['/d'] }],
    ['--data_path=/', /--data_path is no path/, { data_dirs: ['/d'] }],
    ['--data_path=/a\u0007b', /--data_path is no path/, { data_dirs: ['/d'] }],
    ['--data_path=/d\n--wal_path=/', /--wal_path is no path/, { wal_dir: '/w' }],
    ['--data_path=/d\n--pid_file=/', /--pid_file is no path/, { pid_file: '/p' }],
    ['--data_path=/d\n--local_ip=a b', /--local_ip is no address/, { address: '10.0.0.1:9779' }],
  ])('%j is refused, and what to write instead does', async (conf, message, own) => {
    const host = storaged('s1', conf)
    const refused = await errorOf(read([host]))
    expect(refused.message).toMatch(message)
    const [key = ''] = Object.keys(own)
    expect(refused.hint).toContain(`instances: { storaged: { s1: [{ ${key}: `)
    expect(await read([host], { instances: { storaged: { s1: [own] } } })).toHaveLength(1)
  })

  test.each([
    ['--data_path=/d\n--port=0', /--port is no port/, { storaged: 9779 }],
    ['--data_path=/d\n--port=99999', /--port is no port/, { storaged: 9779 }],
    ['--data_path=/d\n--ws_http_port=x', /--ws_http_port is no port/, { storaged_http: 19_779 }],
  ])('%j is refused, and ports win', async (conf, message, ports) => {
    const host = storaged('s1', conf)
    const refused = await errorOf(read([host]))
    expect(refused.message).toMatch(message)
    expect(refused.hint).toContain(`ports: { ${Object.keys(ports)[0]}: `)
    expect(await read([host], { ports })).toHaveLength(1)
  })
})
