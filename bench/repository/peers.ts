import { join } from 'node:path'
import type { Invocation } from '../measure.ts'
import type { Scene, Subject } from './subject.ts'

type Command = readonly [string, ...string[]]

const endpointOf = ({ place }: Scene): string =>
  place.kind === 's3' ? `http://${place.host}:${place.port}` : ''

/** Without compression, which random bytes would only make slower. */
const restic: Subject = {
  name: 'restic',
  prepare: scene => [inRestic(scene, ['init'])],
  run: (measure, scene) =>
    measure === 'restore'
      ? inRestic(scene, ['restore', 'latest', '--target', scene.target])
      : inRestic(scene, ['backup', scene.source]),
  restored: ({ source, target }) => join(target, source),
}

function inRestic(scene: Scene, words: readonly string[]): Invocation {
  const { place, folder } = scene
  const repository =
    place.kind === 'folder' ? place.path : `s3:${endpointOf(scene)}/${place.bucket}/restic`
  const cache = join(folder, 'cache')
  return {
    argv: [
      'restic',
      '--quiet',
      '--compression',
      'off',
      '--cache-dir',
      cache,
      '-r',
      repository,
      ...words,
    ],
    env: {
      RESTIC_PASSWORD: 'bench',
      ...(place.kind === 's3'
        ? { AWS_ACCESS_KEY_ID: place.accessKey, AWS_SECRET_ACCESS_KEY: place.secretKey }
        : {}),
    },
  }
}

/** Without encryption and compression: its fastest. */
const borg: Subject = {
  name: 'borg',
  prepare: scene => [inBorg(scene, ['borg', 'init', '-e', 'none', repositoryOf(scene)])],
  run: (measure, scene) => {
    const repository = repositoryOf(scene)
    if (measure === 'restore') {
      const command: Command = ['borg', 'extract', `${repository}::first`]
      return {
        ...inBorg(scene, [
          'sh',
          '-c',
          'mkdir "$0" && cd "$0" && exec "$@"',
          scene.target,
          ...command,
        ]),
      }
    }
    const archive = `${repository}::${measure}`
    return inBorg(scene, ['borg', 'create', '-C', 'none', archive, scene.source])
  },
  restored: ({ source, target }) => join(target, source),
}

function repositoryOf({ place }: Scene): string {
  if (place.kind === 'folder') return place.path
  throw new Error('borg knows no S3')
}

function inBorg({ folder }: Scene, argv: Command): Invocation {
  return {
    argv,
    env: { BORG_BASE_DIR: join(folder, 'borg'), BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' },
  }
}

/** Copies files one to one; keeps no history and syncs nothing to the disk. */
const rclone: Subject = {
  name: 'rclone',
  prepare: () => [],
  run: (measure, scene) => {
    const { place, source, target, folder } = scene
    const remote = place.kind === 'folder' ? place.path : `bench:${place.bucket}/rclone`
    const [from, to] = measure === 'restore' ? [remote, target] : [source, remote]
    const env: Readonly<Record<string, string>> =
      place.kind === 'folder'
        ? {}
        : {
            RCLONE_CONFIG_BENCH_TYPE: 's3',
            RCLONE_CONFIG_BENCH_PROVIDER: 'Other',
            RCLONE_CONFIG_BENCH_ENDPOINT: endpointOf(scene),
            RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: place.accessKey,
            RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: place.secretKey,
            RCLONE_CONFIG_BENCH_REGION: place.region,
            // It ends where one is set: its HTTP client takes no bundle.
            AWS_CA_BUNDLE: '',
          }
    const config = join(folder, 'rclone.conf')
    return { argv: ['rclone', '--quiet', '--config', config, 'sync', from, to], env }
  },
  restored: ({ target }) => target,
}

/** The peers that can put backups into such a place. */
export function peersFor(kind: Scene['place']['kind']): readonly Subject[] {
  return kind === 'folder' ? [restic, borg, rclone] : [restic, rclone]
}

/** What apt-get installs. */
export const peerPackages = [
  { program: 'restic', package: 'restic' },
  { program: 'borg', package: 'borgbackup' },
  { program: 'rclone', package: 'rclone' },
] as const
