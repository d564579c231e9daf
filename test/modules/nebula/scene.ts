import type { Clock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/clock.ts'
import { BkpError } from '../../../src/base/errors.ts'
import type { Host, ReadOnlyHost } from '../../../src/connection/contract.ts'
import type { MetaClient, ServiceHost } from '../../../src/databases/nebula/contract.ts'
import type { WritableSite } from '../../../src/modules/contract.ts'
import type { Storage } from '../../../src/storage/contract.ts'

/** Time that passes only while somebody waits a little; longer waits are alarms that may go off. */
export function patientClock(): Clock & { readonly spentMs: () => number } {
  let now = 0
  const alarms = new Set<{ readonly due: number; readonly ring: () => void }>()
  return {
    now: () => new Date(Date.UTC(2026, 10, 21, 10) + now),
    monotonicMs: () => now,
    spentMs: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      const due = now + ms
      if (ms > 2000) {
        await new Promise<void>((resolve, reject) => {
          const alarm = { due, ring: resolve }
          alarms.add(alarm)
          signal?.addEventListener('abort', () => {
            alarms.delete(alarm)
            reject(new Error('aborted'))
          })
        })
        return
      }
      now = due
      for (const alarm of alarms) if (alarm.due <= now) alarm.ring()
      await Promise.resolve()
    },
  }
}

const refuse = (): never => {
  throw new Error('not part of this metad')
}

/** A row of listHosts; `parts` by space, leaders are all of them without `leaderParts`. */
export function row(
  address: string,
  more: Partial<ServiceHost> & Pick<ServiceHost, 'role'>,
): ServiceHost {
  const [host = '', port] = address.split(':')
  return {
    address: { host, port: Number(port) },
    status: 'online',
    gitSha: 'abc',
    version: '3.8.0',
    parts: {},
    leaderParts: more.parts ?? {},
    ...more,
  }
}

/** Rows of a cluster: a metad, two storageds with a space of three partitions, a graphd. */
export interface Rows {
  readonly metads: readonly ServiceHost[]
  readonly storageds: readonly ServiceHost[]
  readonly graphds: readonly ServiceHost[]
}

export const wholeCluster: Rows = {
  metads: [row('10.0.0.1:9559', { role: 'meta' })],
  storageds: [
    row('10.0.0.2:9779', {
      role: 'storage',
      parts: { nba: [1, 2, 3] },
      leaderParts: { nba: [1, 3] },
    }),
    row('10.0.0.3:9779', { role: 'storage', parts: { nba: [1, 2, 3] }, leaderParts: { nba: [2] } }),
  ],
  graphds: [row('10.0.0.1:9669', { role: 'graph' })],
}

/** Metads that say what is written down; `more` replaces calls. */
export function fakeMeta(rows: Rows = wholeCluster, more: Partial<MetaClient> = {}): MetaClient {
  const { metads, storageds, graphds } = rows
  const description = {
    name: 'nba',
    partitions: 3,
    replicas: 2,
    charset: 'utf8',
    collate: 'utf8_bin',
    vidType: { type: 7, typeLength: 32 },
  }
  return {
    version: async () => ({ generation: '3.3', version: '3.8.0' }),
    leader: async () => ({ host: '10.0.0.1', port: 9559 }),
    listHosts: async type =>
      ({ meta: metads, graph: graphds, alloc: storageds, storage: storageds, listener: [] })[type],
    listSpaces: async () => [{ id: 1, name: 'nba' }],
    getSpace: async name => ({ id: 1, description: { ...description, name } }),
    listSnapshots: async () => [
      { name: 'SNAPSHOT_2026_11_20_10_00_00', status: 'valid', hosts: ['10.0.0.2:9779'] },
    ],
    listCluster: async () => undefined,
    metaDirectories: async () => ({ root: '/usr/local/nebula', data: ['/data/meta'] }),
    close: async () => {},
    createBackup: refuse,
    createSnapshot: refuse,
    dropSnapshot: refuse,
    addHost: refuse,
    restoreMeta: refuse,
    ...more,
  }
}

export interface SceneOptions {
  readonly hosts: readonly ReadOnlyHost[]
  readonly meta?: MetaClient
  readonly storage?: Storage
  readonly clock?: Clock
  readonly settings?: Readonly<Record<string, unknown>>
  readonly dial?: Host['dial']
  readonly kind?: string
  readonly roles?: Readonly<Record<string, readonly string[]>>
}

/** A site with one NebulaGraph, whose hosts only answer what a test has written down. */
export function nebulaSite(options: SceneOptions): WritableSite {
  const { hosts, meta = fakeMeta(), storage, clock = patientClock(), settings = {} } = options
  const dial = options.dial ?? refuse
  return {
    hosts: hosts.map(host => ({ ...host, run: refuse, stream: refuse, write: refuse, dial })),
    run: {
      id: '20261121_100000-abcdef',
      step: '1',
      startedAt: clock.now(),
      clock,
      random: systemRandom,
      toolVersion: '0.1.0',
      documents: [],
    },
    storage: () => {
      if (storage === undefined) throw new BkpError('schema.invalid', 'no storage')
      return storage
    },
    cluster: name => ({
      name,
      kind: options.kind ?? 'nebula',
      roles: options.roles ?? { metad: ['m1'], storaged: ['s1', 's2'], graphd: ['m1'] },
      hosts: ['m1', 's1', 's2'],
      settings,
    }),
    client: async () => meta,
  }
}

const etc = '/usr/local/nebula/etc'

/** Configuration files of the cluster's hosts. */
export const confs = {
  m1: {
    [`${etc}/nebula-metad.conf`]: '--local_ip=10.0.0.1\n--data_path=/data/meta\n',
    [`${etc}/nebula-graphd.conf`]: '--local_ip=10.0.0.1\n',
  },
  s1: { [`${etc}/nebula-storaged.conf`]: '--local_ip=10.0.0.2\n--data_path=/d1,/d2\n' },
  s2: { [`${etc}/nebula-storaged.conf`]: '--local_ip=10.0.0.3\n--data_path=/d1,/d2\n' },
} as const
