import { Duplex, PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import type { Host } from '../../../src/connection/contract.ts'
import type { ServiceHost } from '../../../src/databases/nebula/contract.ts'
import type { GraphTable } from '../../../src/databases/nebula/graph/contract.ts'
import { check } from '../../../src/modules/nebula/check.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage as memoryStorage } from '../../../src/storage/memory.ts'
import { deadHost } from '../../databases/nebula/fake-host.ts'
import { jobs as jobTable, scriptedGraph, table } from '../../databases/nebula/graph/script.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { type HostAnswers, healthyHost } from './check-host-answers.ts'
import {
  fakeMeta,
  nebulaSite,
  patientClock,
  type Rows,
  row,
  type SceneOptions,
  wholeCluster,
} from './scene.ts'

const dial: Host['dial'] = async () => new PassThrough()
const [first, second] = wholeCluster.storageds as readonly [ServiceHost, ServiceHost]

function scene(options: Partial<SceneOptions> & { readonly s1?: HostAnswers } = {}) {
  const { s1, ...others } = options
  const hosts = [healthyHost('m1'), healthyHost('s1', s1), healthyHost('s2')]
  return nebulaSite({ hosts, dial, ...others })
}

/** The faults of a check, as `host: what`. */
async function faults(
  site: ReturnType<typeof scene>,
  args: object = {},
  how: typeof planAt | typeof applyAt = planAt,
): Promise<readonly string[]> {
  try {
    await how(site, check, { cluster: 'graph', ...args })
  } catch (error) {
    if (!(error instanceof BkpError) || error.code !== 'nebula.not_ready') throw error
    const list = error.details['faults'] as readonly {
      readonly host: string | null
      readonly what: string
      readonly hint: string
    }[]
    for (const { what, hint } of list) {
      expect(error.message).toContain(what)
      expect(error.message).toContain(hint)
    }
    return list.map(({ host, what }) => (host === null ? what : `${host}: ${what}`))
  }
  return []
}

async function warnings(site: ReturnType<typeof scene>, args: object = {}) {
  return (await applyAt(site, check, { cluster: 'graph', ...args })).warnings
}

/** A cluster all of whose services are of a version. */
function withVersion(version: string, more: Parameters<typeof fakeMeta>[1]) {
  const of = (rows: readonly ServiceHost[]) => rows.map(each => ({ ...each, version }))
  const { metads, storageds, graphds } = wholeCluster
  const rows = { metads: of(metads), storageds: of(storageds), graphds: of(graphds) }
  return fakeMeta(rows, more)
}

const withRows = (rows: Partial<Rows>) => fakeMeta({ ...wholeCluster, ...rows })

describe('nebula.check', () => {
  test('finds nothing wrong with a healthy cluster, and changes nothing', async () => {
    const site = scene({ storage: memoryStorage() })
    const decision = await planAt(site, check, { cluster: 'graph', storage: 'vault' })
    expect(decision).toMatchObject({ kind: 'change', changesNothing: true })
    expect(await applyAt(site, check, { cluster: 'graph', storage: 'vault' })).toEqual({
      generation: '3.3',
      version: '3.8.0',
      leader: '10.0.0.1:9559',
      storageds: 2,
      spaces: ['nba'],
      data_bytes: 5 * 1024 * 1024,
      warnings: [],
    })
  })

  test('tells all faults at once, each with its host and what to do', async () => {
    const hosts = [healthyHost('m1'), deadHost('s1'), healthyHost('s2', { ports: [9779] })]
    const offline = row('10.0.0.2:9779', { role: 'storage', status: 'offline', parts: first.parts })
    const site = scene({ hosts, meta: withRows({ storageds: [offline, second] }) })
    const found = await faults(site)
    expect(found).toContain('s1: no SSH connection to s1')
    expect(found).toContain(
      's2: nothing listens on 10.0.0.3:9778, the admin port of storaged 10.0.0.3:9779',
    )
    expect(found.some(each => each.includes('10.0.0.2:9779 has 3 partitions and is offline'))).toBe(
      true,
    )
  })

  test('misses a host that does not take part, unless it may be missing', async () => {
    const hosts = [healthyHost('m1'), healthyHost('s1')]
    expect(await faults(scene({ hosts }))).toEqual([
      's2: it does not take part: it cannot be reached, or the play leaves it out',
    ])
    expect(await warnings(scene({ hosts }), { allow_missing: ['s2'] })).toEqual([
      's2: not looked at',
      'storaged 10.0.0.3:9779 has 3 partitions and is not in the inventory, or on s2',
    ])
  })
})

describe('A fault of a host', () => {
  const out = (command: string, stdout: string, code = 0): HostAnswers => ({
    outputs: { [command]: { stdout, code } },
  })
  test.each<[string, HostAnswers, RegExp, object?]>([
    ['no configuration file', { confs: {} }, /nebula-storaged\.conf is not there/],
    ['no data path', out('sh', 'absent\n'), /^s1: \/d1 is not there/],
    [
      'a folder that cannot be read',
      out('sh', 's 700 nebula nebula /d1/nebula\nr /d1/nebula\nw /d1/nebula\n'),
      /^s1: \/d1\/nebula cannot be read by the login user/,
    ],
    [
      'checkpoints that cannot be written',
      out('sh', 's 755 nebula nebula /d1/nebula/1/checkpoints\nw /d1/nebula/1/checkpoints\n'),
      /checkpoints cannot be written by the login user/,
    ],
    [
      'a folder that the service cannot write',
      out('sh', 's 755 root root /d1/nebula\n'),
      /belongs to root:root, and nebula cannot write there/,
      { service_user: 'nebula' },
    ],
    ['no such user', out('id', '', 1), /there is no user nebula/, { service_user: 'nebula' }],
    ['no room', { availableBytes: 1000 }, /has 1000 B free, and \/d1 should have 102 KiB/],
    ['a read-only mount', { mountedReadOnly: true }, /\/ is mounted read-only/],
    ['no inodes', out('df', 'x\n/dev/sda1 1000000 999990 10 100% /\n'), /has 10 inodes left/],
    ['a closed port', { ports: [9778] }, /nothing listens on 10\.0\.0\.2:9779, where storaged/],
    ['a closed admin port', { ports: [9779] }, /10\.0\.0\.2:9778, the admin port/],
    ['a clock that is wrong', out('date', '1795257000\n'), /its clock is .* ahead of this machine/],
  ])('is %s', async (_, s1, message, settings = {}) => {
    const found = await faults(scene({ s1, settings: settings as Record<string, unknown> }))
    expect(found.length).toBeGreaterThan(0)
    expect(found.some(each => message.test(each))).toBe(true)
  })

  test('is not: as many inodes as one likes, a clock some seconds off, a group that may write', async () => {
    const s1: HostAnswers = {
      outputs: {
        df: { stdout: 'x\nbtrfs 0 0 0 - /\n' },
        date: { stdout: `${Date.UTC(2026, 10, 21, 10) / 1000 + 10}\n` },
        sh: { stdout: 's 775 root nebula /d1/nebula\n' },
      },
    }
    const site = scene({ s1, settings: { service_user: 'nebula' } })
    expect(await warnings(site)).toEqual([expect.stringMatching(/^s1: its clock is 10s ahead/)])
  })

  test('without graphd is a warning, and a fault where it must be there', async () => {
    const hosts = [healthyHost('m1', { ports: [9559] }), healthyHost('s1'), healthyHost('s2')]
    expect(await warnings(scene({ hosts }))).toEqual([
      'm1: nothing listens on 10.0.0.1:9669, where graphd 10.0.0.1:9669 should',
    ])
    expect(await faults(scene({ hosts }), { graphd: true })).toEqual([
      'm1: nothing listens on 10.0.0.1:9669, where graphd 10.0.0.1:9669 should',
      'the inventory has no graphd',
    ])
  })
})

describe('A fault of the cluster', () => {
  const stranger = row('10.0.0.9:9779', { role: 'storage', parts: { nba: [1] } })
  test.each<[string, Partial<Rows>, RegExp]>([
    [
      'different versions',
      { storageds: [first, { ...second, version: '3.6.0' }] },
      /different versions: 3\.8\.0 \(10\.0\.0\.1:9559, 10\.0\.0\.2:9779\); 3\.6\.0/,
    ],
    [
      'no storaged online',
      {
        storageds: [
          { ...first, status: 'offline' },
          { ...second, status: 'offline' },
        ],
      },
      /no storaged is online/,
    ],
    [
      'a storaged nobody named',
      { storageds: [first, second, stranger] },
      /9:9779 has 1 part.*is not in the inventory/,
    ],
    ['a storaged no metad knows', { storageds: [first] }, /^s2: no metad knows of storaged/],
    [
      'a metad nobody named',
      { metads: [...wholeCluster.metads, row('10.0.0.8:9559', { role: 'meta' })] },
      /metad 10\.0\.0\.8:9559 is not in the inventory/,
    ],
    [
      'a partition without a leader',
      { storageds: [first, { ...second, leaderParts: {} }] },
      /space nba: no leader of partition 2/,
    ],
  ])('is %s', async (_, rows, message) => {
    const found = await faults(scene({ meta: withRows(rows) }))
    expect(found.some(each => message.test(each))).toBe(true)
  })

  test('is no space at all, a metad that does not answer, another number of data paths', async () => {
    const meta = fakeMeta(wholeCluster, {
      listSpaces: async () => [],
      metaDirectories: async () => {
        throw new BkpError('nebula.unreachable', 'metad refused')
      },
      listCluster: async () => [
        {
          address: { host: '10.0.0.2', port: 9779 },
          role: 'storage',
          directories: { root: '/usr/local/nebula', data: ['/d1'] },
        },
      ],
    })
    expect(await faults(scene({ meta }))).toEqual([
      'the cluster has no space',
      'm1: metad refused',
      's1: storaged 10.0.0.2:9779 runs with the data paths /d1, and /usr/local/nebula/etc/nebula-storaged.conf says /d1, /d2',
    ])
  })

  test('is metads without a leader', async () => {
    const meta = fakeMeta(wholeCluster, {
      leader: async () => {
        throw new BkpError('nebula.no_leader', 'the metads have no leader')
      },
    })
    expect(await faults(scene({ meta }))).toEqual(['the metads have no leader'])
  })

  test('is not: fewer copies, other paths, a newer version, leftovers; these are warnings', async () => {
    const meta = fakeMeta(
      {
        metads: [{ ...wholeCluster.metads[0], version: '3.9.0' } as ServiceHost],
        graphds: wholeCluster.graphds,
        storageds: [
          { ...first, version: '3.9.0' },
          { ...second, version: '3.9.0', parts: { nba: [2] } },
        ],
      },
      {
        version: async () => ({ generation: '3.3', version: '3.9.0' }),
        metaDirectories: async () => ({ root: '/usr/local/nebula', data: ['/mnt/meta'] }),
        listSnapshots: async () => [
          { name: 'BACKUP_2026_11_20_10_00_00', status: 'valid', hosts: [] },
          { name: 'SNAPSHOT_2026_11_20_10_00_00', status: 'invalid', hosts: [] },
        ],
      },
    )
    expect(await warnings(scene({ meta }))).toEqual([
      expect.stringMatching(/graphds are of another version: 3\.8\.0/),
      expect.stringMatching(/3\.9\.0 is newer/),
      'space nba: fewer than 2 copies of partition 1, 3',
      expect.stringMatching(/INVALID snapshots: SNAPSHOT_2026/),
      expect.stringMatching(/nobody dropped.*BACKUP_2026/),
      expect.stringMatching(/^m1: metad .* \/mnt\/meta, .* says \/data\/meta: links/),
    ])
  })
})

describe('A job', () => {
  const jobs = (status: () => string) => ({
    openReader: async () => ({
      address: '10.0.0.1:9669',
      read: async ({ text }: { readonly text: string }): Promise<GraphTable> => {
        if (text === 'SHOW LISTENER') return { columns: ['PartId', 'Type', 'Host'], rows: [] }
        if (text === 'SHOW FULLTEXT INDEXES') return { columns: ['Name'], rows: [] }
        return {
          columns: ['Job Id', 'Command', 'Status'],
          rows: [
            [12n, 'REBUILD_TAG_INDEX', status()],
            [13n, 'STATS', 'RUNNING'],
          ],
        }
      },
      close: async () => {},
    }),
    open: async () => {
      throw new Error('nothing is written')
    },
  })

  test('that refuses backups is a fault; others are told', async () => {
    const meta = fakeMeta(wholeCluster, { graph: jobs(() => 'RUNNING') })
    expect(await faults(scene({ meta }))).toEqual([
      'a job keeps backups from being made: REBUILD_TAG_INDEX 12 of nba (RUNNING)',
    ])
    const done = fakeMeta(wholeCluster, { graph: jobs(() => 'FINISHED') })
    expect(await warnings(scene({ meta: done }))).toEqual(['a job runs: STATS 13 of nba (RUNNING)'])
  })

  test('is waited for, and not for ever', async () => {
    let looks = 0
    const graph = jobs(() => {
      looks += 1
      return looks < 5 ? 'RUNNING' : 'FINISHED'
    })
    const clock = patientClock()
    const site = scene({ meta: fakeMeta(wholeCluster, { graph }), clock })
    await applyAt(site, check, { cluster: 'graph', wait_for_jobs: '30s' })
    expect(clock.spentMs()).toBe(6000)
    const never = scene({ meta: fakeMeta(wholeCluster, { graph: jobs(() => 'QUEUE') }) })
    await expect(applyAt(never, check, { cluster: 'graph', wait_for_jobs: '30s' })).rejects.toThrow(
      /after 30s: REBUILD_TAG_INDEX 12/,
    )
  })

  test('cannot be known where graphd does not let us in', async () => {
    const graph = {
      ...jobs(() => 'FINISHED'),
      openReader: async () => {
        throw new BkpError('nebula.refused', 'graphd: bad password')
      },
    }
    const meta = fakeMeta(wholeCluster, { graph })
    expect(await warnings(scene({ meta }))).toEqual([
      'whether jobs run is not known: graphd: bad password',
    ])
    expect(await faults(scene({ meta }), { graphd: true })).toEqual([
      'graphd: graphd: bad password',
    ])
  })
})

describe('What no backup holds', () => {
  const listener = ['PartId', 'Type', 'Host', 'Host Status']
  const rows = (part: bigint) => [part, 'ELASTICSEARCH', '["10.0.0.4":9789]', 'ONLINE'] as const
  const graphd = (found: boolean) =>
    scriptedGraph(statement => {
      if (statement === 'nba: SHOW JOBS') return jobTable()
      if (statement === 'nba: SHOW LISTENER')
        return table(listener, ...(found ? [rows(1n), rows(2n)] : []))
      if (statement === 'nba: SHOW FULLTEXT INDEXES')
        return table(['Name', 'Schema Type'], ...(found ? [['players', 'Tag'] as const] : []))
      throw new BkpError('nebula.refused', `SyntaxError near ${statement}`)
    })

  test('is a warning: listeners and full-text indexes by space, as graphd shows them', async () => {
    expect(
      await warnings(scene({ meta: fakeMeta(wholeCluster, { graph: graphd(true) }) })),
    ).toEqual([
      'space nba has listeners (ELASTICSEARCH 10.0.0.4:9789) and full-text indexes (players): not in a backup; add and rebuild them after a restore',
    ])
    const none = graphd(false)
    expect(await warnings(scene({ meta: fakeMeta(wholeCluster, { graph: none }) }))).toEqual([])
    expect(none.asked).toContain('nba: SHOW LISTENER')
  })

  test('is asked of 2.x by SHOW LISTENER alone, and told where graphd refuses', async () => {
    const version = async () => ({ generation: '2.1', version: '2.6.0' }) as const
    const listening = graphd(true)
    const old = withVersion('2.6.0', { version, graph: listening })
    expect(await warnings(scene({ meta: old }))).toEqual([
      expect.stringMatching(/^space nba has listeners \(ELASTICSEARCH 10\.0\.0\.4:9789\): not in/),
    ])
    expect(listening.asked).not.toContain('nba: SHOW FULLTEXT INDEXES')
    const graph = scriptedGraph(statement => {
      if (statement === 'nba: SHOW JOBS') return jobTable()
      throw new BkpError('nebula.refused', 'PermissionError')
    })
    expect(await warnings(scene({ meta: fakeMeta(wholeCluster, { graph }) }))).toEqual([
      'whether spaces have listeners, which no backup holds, is not known: PermissionError',
    ])
  })

  test('is known to metads since 3.4, where there is no graphd', async () => {
    const asked: string[] = []
    const base = fakeMeta()
    const listHosts: typeof base.listHosts = async (type, io) => {
      asked.push(type)
      if (type !== 'listener') return await base.listHosts(type, io)
      return [row('10.0.0.4:9789', { role: 'listener' })]
    }
    expect(await warnings(scene({ meta: fakeMeta(wholeCluster, { listHosts }) }))).toEqual([
      'listeners run (10.0.0.4:9789): not in a backup; add and rebuild them after a restore',
    ])
    asked.length = 0
    const version = async () => ({ generation: '3.3', version: '3.3.0' }) as const
    expect(await warnings(scene({ meta: withVersion('3.3.0', { version, listHosts }) }))).toEqual(
      [],
    )
    expect(asked).not.toContain('listener')
  })
})

describe('What only applying finds', () => {
  test('is an admin port that metad cannot reach', async () => {
    const dialled: string[] = []
    const refused: Host['dial'] = async ({ host, port }) => {
      dialled.push(`${host}:${port}`)
      // What a transport throws need not be of ours.
      throw new Error('connection refused')
    }
    const site = scene({ dial: refused })
    expect(await faults(site)).toEqual([])
    expect(dialled).toEqual([])
    const found = await faults(site, {}, applyAt)
    expect(found[0]).toMatch(/^m1: the admin port 10\.0\.0\.2:9778 .* \(connection refused\)/)
    expect(dialled.filter(address => address.endsWith(':9778'))).toEqual([
      '10.0.0.2:9778',
      '10.0.0.3:9778',
    ])
  })

  /** Services whose HTTP ports answer with these lines, whatever they are asked. */
  const serving = (body: string, status = '200 OK') => {
    const requests: string[] = []
    const dial: Host['dial'] = async ({ host, port }) => {
      if (port !== 19_779) return new PassThrough()
      return Duplex.from(async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          requests.push(`${host} ${chunk.toString('latin1').split('\r\n', 1)[0]}`)
          yield `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
        }
      })
    }
    return { site: scene({ dial }), requests }
  }

  test('is a storaged that runs with other folders than its file says', async () => {
    const { site, requests } = serving('data_path="/old/\u001b[2J",/b\nwal_path=""\n')
    const found = await faults(site, {}, applyAt)
    expect(requests).toEqual([
      '10.0.0.2 GET /flags?names=data_path,wal_path HTTP/1.1',
      '10.0.0.3 GET /flags?names=data_path,wal_path HTTP/1.1',
    ])
    expect(found).toHaveLength(2)
    expect(found[0]).toMatch(
      /^s1: storaged 10\.0\.0\.2:9779 runs with --data_path=.*, and bkp looks at \//,
    )
    expect(found[0]).not.toContain('\u001b')
  })

  test.each([
    ['the same folders, as 3.x writes them', 'data_path="SAME"\nwal_path=""\n', '200 OK'],
    ['the same, as 2.x writes them', 'data_path=SAME/\nwal_path=\n', '200 OK'],
    ['them in another order, one as it was started', 'data_path=d2,/d1\n', '200 OK'],
    ['no such flag', 'data_path=nullptr\nwal_path=nullptr\n', '200 OK'],
    ['a page of something else', '<html>data_path=/x', '200 OK'],
    ['an error', 'data_path=/x\n', '404 Not Found'],
    ['more than is read', `data_path=SAME\n${'x'.repeat(1_000_000)}`, '200 OK'],
  ])('is nothing where the port answers with %s', async (_what, body, status) => {
    const { site, requests } = serving(body.replace('SAME', '/d1,/d2'), status)
    expect(await faults(site, {}, applyAt)).toEqual([])
    expect(requests).toHaveLength(2)
  })

  test.each<[string, Partial<Storage>, RegExp]>([
    [
      'cannot be written',
      {
        put: async () => {
          throw new BkpError('storage.failed', 'NoSuchBucket')
        },
      },
      /NoSuchBucket/,
    ],
    ['gives back something else', { get: async () => Buffer.from('<html>') }, /other bytes/],
    ['does not list', { list: async function* () {} }, /does not list/],
  ])('is a storage that %s', async (_, broken, message) => {
    const storage = { ...memoryStorage(), ...broken }
    const found = await faults(scene({ storage }), { storage: 'vault' }, applyAt)
    expect(found).toEqual([expect.stringMatching(message)])
  })

  test('leaves nothing behind in the storage, and plans write nothing', async () => {
    const storage = memoryStorage()
    let puts = 0
    const counted: Storage = {
      ...storage,
      put: async (...args) => {
        puts += 1
        await storage.put(...args)
      },
    }
    await planAt(scene({ storage: counted }), check, { cluster: 'graph', storage: 'vault' })
    expect(puts).toBe(0)
    await applyAt(scene({ storage: counted }), check, { cluster: 'graph', storage: 'vault' })
    expect(puts).toBe(1)
    const left: string[] = []
    const quiet = { signal: new AbortController().signal, progress: () => {} }
    for await (const { key } of storage.list('', quiet)) left.push(key)
    expect(left).toEqual([])
  })

  test('a storage that does not let objects be deleted is a warning', async () => {
    const storage: Storage = {
      ...memoryStorage(),
      delete: async ([key]) => (key === undefined ? [] : [{ key, error: new Error('denied') }]),
    }
    expect(await warnings(scene({ storage }), { storage: 'vault' })).toEqual([
      expect.stringMatching(/does not let objects be deleted \(denied\)/),
    ])
  })

  test('a storage that does not answer is told before anything is written', async () => {
    const storage: Storage = {
      ...memoryStorage(),
      get: async () => {
        throw new BkpError('storage.unreachable', 'no route to vault')
      },
    }
    expect(await faults(scene({ storage }), { storage: 'vault' })).toEqual(['no route to vault'])
  })
})
