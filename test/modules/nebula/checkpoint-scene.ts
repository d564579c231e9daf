import { BkpError } from '../../../src/base/errors.ts'
import type {
  BackupMeta,
  MetaClient,
  ServiceHost,
  SnapshotRow,
} from '../../../src/databases/nebula/contract.ts'
import type { WritableSite } from '../../../src/modules/contract.ts'
import { fakeRocksDb } from '../../databases/nebula/official/rocksdb-files.ts'
import { type Disk, diskHost } from './disk-host.ts'
import { fakeMeta, nebulaSite, patientClock, wholeCluster } from './scene.ts'

/** A cluster in memory: rows of its metad, disks of its hosts, and what was called. */
export interface CheckpointScene {
  readonly site: WritableSite
  readonly hosts: Readonly<Record<'m1' | 's1' | 's2', ReturnType<typeof diskHost>>>
  readonly disks: Readonly<Record<'m1' | 's1' | 's2', Disk>>
  readonly rows: SnapshotRow[]
  readonly calls: string[]
  /** Puts one where metads would: on all data paths, and the meta. */
  put(name: string, status?: SnapshotRow['status'] | 'none'): void
  /** Folders of checkpoints of a name, as `host:path`. */
  folders(name: string): readonly string[]
}

export interface CheckpointSceneOptions {
  readonly storageds?: readonly ServiceHost[]
  /** Replaces calls of the metad; it is called with the scene to work on. */
  readonly client?: (scene: CheckpointScene) => Partial<MetaClient>
}

const description = {
  name: 'nba',
  partitions: 3,
  replicas: 2,
  charset: 'utf8',
  collate: 'utf8_bin',
  vidType: { type: 7, typeLength: 32 },
}

export const newName = {
  backup: 'BACKUP_2026_11_21_10_00_00',
  snapshot: 'SNAPSHOT_2026_11_21_10_00_00',
} as const

/** What createBackup answers of one that is there. */
export function answerOf(name: string): BackupMeta {
  const checkpoint = (data: string) => ({
    path: `${data}/nebula/1/checkpoints/${name}`,
    partitions: new Map([[1, { logId: 10n, termId: 2n }]]),
  })
  return {
    generation: '3.3',
    name,
    full: true,
    allSpaces: true,
    createTimeMs: Date.UTC(2026, 10, 21, 10),
    metaFiles: [`/data/meta/nebula/0/checkpoints/${name}/__spaces__.sst`],
    spaces: [
      {
        id: 1,
        description,
        hosts: ['10.0.0.2', '10.0.0.3'].map(host => ({
          host: { host, port: 9779 },
          checkpoints: [checkpoint('/d1'), checkpoint('/d2')],
        })),
      },
    ],
  } as unknown as BackupMeta
}

export function checkpointScene(options: CheckpointSceneOptions = {}): CheckpointScene {
  const disks = { m1: new Map(), s1: new Map(), s2: new Map() } as CheckpointScene['disks']
  const hosts = {
    m1: diskHost('m1', disks.m1),
    s1: diskHost('s1', disks.s1),
    s2: diskHost('s2', disks.s2),
  }
  const rows: SnapshotRow[] = []
  const calls: string[] = []
  for (const disk of [disks.s1, disks.s2]) {
    for (const data of ['/d1', '/d2']) disk.set(`${data}/nebula/1/data/CURRENT`, Buffer.from('x'))
  }
  const clock = patientClock()
  const put: CheckpointScene['put'] = (name, status = 'valid') => {
    const database = Object.entries(fakeRocksDb({ 9: 'rows' }))
    const folder = (disk: Disk, path: string, below: string): void => {
      for (const [file, bytes] of database) {
        disk.set(`${path}/checkpoints/${name}/${below}${file}`, bytes)
      }
    }
    for (const disk of [disks.s1, disks.s2]) {
      for (const data of ['/d1', '/d2']) folder(disk, `${data}/nebula/1`, 'data/')
    }
    const meta = '/data/meta/nebula/0'
    if (name.startsWith('SNAPSHOT')) folder(disks.m1, meta, 'data/')
    else disks.m1.set(`${meta}/checkpoints/${name}/__spaces__.sst`, Buffer.from('meta'))
    if (status !== 'none') rows.push({ name, status, hosts: ['10.0.0.2:9779', '10.0.0.3:9779'] })
  }
  const usual: Partial<MetaClient> = {
    listSnapshots: async () => [...rows],
    createBackup: async () => {
      calls.push('createBackup')
      put(newName.backup)
      return { meta: answerOf(newName.backup), answeredBy: { host: '10.0.0.1', port: 9559 } }
    },
    createSnapshot: async () => {
      calls.push('createSnapshot')
      put(newName.snapshot)
    },
    dropSnapshot: async name => {
      calls.push(`dropSnapshot ${name}`)
      const at = rows.findIndex(row => row.name === name)
      if (at < 0) return 'absent'
      rows.splice(at, 1)
      for (const disk of Object.values(disks)) {
        for (const path of disk.keys()) {
          if (path.includes(`/checkpoints/${name}/`)) disk.delete(path)
        }
      }
      return 'dropped'
    },
  }
  const scene: CheckpointScene = {
    hosts,
    disks,
    rows,
    calls,
    put,
    folders: name =>
      Object.entries(disks).flatMap(([host, disk]) => {
        const folders = [...disk.keys()].flatMap(path => {
          const at = path.indexOf(`/checkpoints/${name}/`)
          return at < 0 ? [] : [path.slice(0, at)]
        })
        return [...new Set(folders)].map(path => `${host}:${path}`)
      }),
    get site() {
      return site
    },
  }
  const storageds = options.storageds ?? wholeCluster.storageds
  const meta = fakeMeta({ ...wholeCluster, storageds }, { ...usual, ...options.client?.(scene) })
  const made = nebulaSite({ hosts: Object.values(hosts), meta, clock })
  // Hosts that can be written to: the scene's own.
  const site = { ...made, hosts: Object.values(hosts) }
  return scene
}

/** What metads name what they make at this moment: by the second. */
export function nameNow(kind: 'BACKUP' | 'SNAPSHOT', { site }: CheckpointScene): string {
  return `${kind}_${site.run.clock.now().toISOString().slice(0, 19).replace(/\D/g, '_')}`
}

/** A metad's refusal, as the client words it. */
export function refused(name: string, code: BkpError['code'] = 'nebula.backup_failed'): BkpError {
  return new BkpError(code, `metad refused (${name})`, { details: { name } })
}
