import type { NebulaBackupMetadata } from '../../../../src/databases/nebula/backup-metadata.ts'
import type { Instance } from '../../../../src/databases/nebula/instances.ts'

/** A backup of spaces 1 and 2 on storageds, each with so many data paths. */
export function makeBackup(
  storageds: readonly string[],
  overrides: Partial<NebulaBackupMetadata> & { readonly dataPaths?: number } = {},
): NebulaBackupMetadata {
  const { dataPaths = 1, ...others } = overrides
  const dirs = Array.from({ length: dataPaths }, (_, at) => `/old/data${at}`)
  const name = 'BACKUP_2026_11_21_10_00_00'
  return {
    kind: 'nebula',
    format: 1,
    name,
    generation: '3.3',
    version: '3.8.0',
    created: '2026-11-21T10:00:00Z',
    all_spaces: true,
    spaces: [
      { id: 1, name: 'nba', partitions: 2, replicas: 1, logs: {}, fingerprint: null },
      {
        id: 2,
        name: 'cars',
        partitions: 1,
        replicas: 1,
        logs: {},
        fingerprint: { vertices: 2, edges: 1, tags: { car: 2 }, edgeTypes: { near: 1 } },
      },
    ],
    storageds: storageds.map(address => ({
      address,
      host: hostOf(address),
      version: '3.8.0',
      data_dirs: dirs,
      wal_dir: null,
    })),
    metads: [{ address: '10.0.0.1:9559', host: 'h1', data_dir: '/old/meta' }],
    answered_by: '10.0.0.1:9559',
    meta_files: ['__spaces__.sst', '__parts__.sst', '__id__.sst'],
    roots: [
      ...storageds.flatMap(address =>
        dirs.flatMap((dir, data) =>
          [1, 2].map(space => ({
            as: `storaged/${address}/data${data}/${space}`,
            host: hostOf(address),
            path: `${dir}/nebula/${space}/checkpoints/${name}`,
            role: 'storaged' as const,
            address,
            space,
            data,
          })),
        ),
      ),
      {
        as: 'meta',
        host: 'h1',
        path: `/old/meta/nebula/0/checkpoints/${name}`,
        role: 'metad',
        address: '10.0.0.1:9559',
      },
    ],
    meta: '',
    blocked_ms: 10,
    ...others,
  }
}

/** `10.0.0.3:9779` is on h3. */
export function hostOf(address: string): string {
  return `h${/(\d+):/.exec(address)?.[1] ?? ''}`
}

export function makeInstance(
  role: Instance['role'],
  address: string,
  overrides: Partial<Instance> = {},
): Instance {
  const [host = '', port = ''] = address.split(':')
  const dirs = role === 'graphd' ? [] : [`/data/${role}`]
  return {
    role,
    hostName: hostOf(address),
    address: { host, port: Number(port) },
    dial: { host, port: Number(port) },
    installDir: '/usr/local/nebula',
    conf: `/usr/local/nebula/etc/nebula-${role}.conf`,
    dataDirs: dirs,
    serviceDataDirs: overrides.dataDirs ?? dirs,
    pidFile: `/usr/local/nebula/pids/nebula-${role}.pid`,
    logDir: '/usr/local/nebula/logs',
    stderrLog: 'storaged-stderr.log',
    http: { host, port: Number(port) + 10_000 },
    ...overrides,
  }
}
