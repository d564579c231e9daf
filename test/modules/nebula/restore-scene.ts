import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemRandom } from '../../../src/base/clock.ts'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { NebulaBackupMetadata } from '../../../src/databases/nebula/backup-metadata.ts'
import type { MetaReader, Space } from '../../../src/databases/nebula/contract.ts'
import type { NebulaSettings } from '../../../src/databases/nebula/settings.ts'
import type { Cluster, WritableSite } from '../../../src/modules/contract.ts'
import { backUp } from '../../../src/repository/backup.ts'
import { choosePlane, openSource } from '../../../src/repository/planes/choose.ts'
import { makeBackup } from '../../databases/nebula/restore/backup.ts'
import {
  makeRestoreScene,
  type RestoreScene,
  steppingClock,
} from '../../repository/restore/scene.ts'
import { makeSite } from '../repository/site.ts'

/** Two hosts of this machine with a storaged each, the first with the metad, and a repository. */
export interface NebulaRestoreScene {
  readonly scene: RestoreScene
  readonly folder: string
  /** Data path of the storaged on a host. */
  data(host: string): string
  meta(host: string): string
  /** Writes a file with the folders above it. */
  put(path: string, text: string): void
  site(step: string): WritableSite
  backUp(metadata?: Partial<NebulaBackupMetadata>): Promise<string>
  /** What the metads say; none answers where it is undefined. */
  live: { version: string; spaces: readonly Space[] } | undefined
  close(): Promise<void>
}

export interface NebulaRestoreOptions {
  readonly metads?: readonly string[]
  readonly settings?: Partial<NebulaSettings>
}

export function makeNebulaRestoreScene({
  metads = ['h1'],
  settings = {},
}: NebulaRestoreOptions = {}): NebulaRestoreScene {
  const scene = makeRestoreScene(['h1', 'h2'])
  const { folder } = scene
  const data = (host: string): string => join(folder, host, 'storage')
  const meta = (host: string): string => join(folder, host, 'meta')
  const put = (path: string, text: string): void => {
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
  }
  const instance = (host: string, role: 'metad' | 'storaged') => ({
    address: `10.0.0.${host.slice(1)}:${role === 'metad' ? 9559 : 9779}`,
    install_dir: join(folder, host),
    data_dirs: [role === 'metad' ? meta(host) : data(host)],
  })
  const cluster: Cluster = {
    name: 'graph',
    kind: 'nebula',
    roles: { metad: [...metads], storaged: ['h1', 'h2'] },
    hosts: ['h1', 'h2'],
    settings: {
      instances: {
        metad: Object.fromEntries(metads.map(host => [host, [instance(host, 'metad')]])),
        storaged: Object.fromEntries(
          ['h1', 'h2'].map(host => [host, [instance(host, 'storaged')]]),
        ),
      },
      ...settings,
    },
  }
  const made = makeSite({ hosts: scene.hosts, storage: scene.storage, clusters: [cluster] })
  const clock = steppingClock()
  const self: NebulaRestoreScene = {
    scene,
    folder,
    data,
    meta,
    put,
    live: { version: '3.8.0', spaces: [{ id: 1, name: 'nba' }] },
    site: step => ({ ...made.next(step), client: async () => readerOf(self) }),
    backUp: async (metadata = {}) => {
      clock.step(10_000)
      const whole = makeBackup(['10.0.0.1:9779', '10.0.0.2:9779'], metadata)
      const roots = whole.roots.map(root => ({ ...root, path: sourceOf(self, root.as) }))
      for (const root of roots) put(join(root.path, 'data', 'CURRENT'), `of ${root.as}`)
      const sources = scene.hosts.map(host =>
        openSource(
          host,
          roots
            .filter(root => root.host === host.name)
            .map(root => ({
              root: Buffer.from(root.as),
              source: Buffer.from(root.path),
              immutable: false,
            })),
          choosePlane('auto', host),
        ),
      )
      const { backup } = await backUp(
        {
          storage: scene.storage,
          clock,
          random: systemRandom,
          controller: 'test',
          toolVersion: '0',
          cluster: { kind: 'nebula', name: 'graph' },
          metadata: JSON.parse(JSON.stringify({ ...whole, roots })),
          sources,
          scratchFolder: join(folder, 'scratch'),
          acceptClock: true,
        },
        quietIo,
      )
      return backup
    },
    close: async () => await scene.close(),
  }
  return self
}

function sourceOf({ folder }: NebulaRestoreScene, as: string): string {
  return join(folder, 'checkpoints', as.replaceAll('/', '_'))
}

function readerOf(scene: NebulaRestoreScene): MetaReader {
  const answer = <T>(value: (live: NonNullable<NebulaRestoreScene['live']>) => T): T => {
    if (scene.live !== undefined) return value(scene.live)
    throw new BkpError('nebula.unreachable', 'no metad answers')
  }
  const refuse = async (): Promise<never> => {
    throw new Error('not part of this reader')
  }
  return {
    version: async () => answer(({ version }) => ({ generation: '3.3', version })),
    listSpaces: async () => answer(({ spaces }) => spaces),
    listSnapshots: async () => answer(() => []),
    leader: refuse,
    listHosts: refuse,
    getSpace: refuse,
    listCluster: refuse,
    metaDirectories: refuse,
    close: async () => {},
  }
}
