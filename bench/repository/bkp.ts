import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Invocation } from '../measure.ts'
import type { Scene, Subject } from './subject.ts'

/** As a user runs it: the command line, a playbook, this machine as the host. */
export function bkp(dist: string): Subject {
  const playbook = ({ folder, place }: Scene, name: string): Invocation => ({
    argv: [
      process.execPath,
      join(dist, 'cli/main.js'),
      'run',
      join(folder, name),
      '-i',
      join(folder, 'inventory.yml'),
    ],
    env: {
      BKP_STATE_DIR: join(folder, 'state'),
      ...(place.kind === 's3'
        ? { AWS_ACCESS_KEY_ID: place.accessKey, AWS_SECRET_ACCESS_KEY: place.secretKey }
        : {}),
    },
  })
  return {
    name: 'bkp',
    prepare: scene => {
      const { folder } = scene
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'inventory.yml'), inventory(scene))
      writeFileSync(join(folder, 'backup.yml'), backup)
      writeFileSync(join(folder, 'restore.yml'), restore(scene))
      return []
    },
    run: (measure, scene) => playbook(scene, measure === 'restore' ? 'restore.yml' : 'backup.yml'),
    restored: ({ target }) => target,
  }
}

function inventory({ source, place }: Scene): string {
  const storage =
    place.kind === 'folder'
      ? { type: 'file', path: place.path }
      : {
          type: 's3',
          bucket: place.bucket,
          prefix: 'bkp',
          endpoint: `http://${place.host}:${place.port}`,
          region: place.region,
          path_style: true,
        }
  // JSON is YAML.
  return JSON.stringify({
    all: { hosts: { here: { ansible_connection: 'local' } } },
    clusters: { tree: { kind: 'files', hosts: 'here', paths: [source] } },
    storages: { vault: storage },
  })
}

const backup = JSON.stringify([
  {
    name: 'Back up',
    hosts: 'tree',
    tasks: [{ name: 'Store', 'repository.backup': { storage: 'vault', cluster: 'tree' } }],
  },
])

function restore({ source, target }: Scene): string {
  return JSON.stringify([
    {
      name: 'Restore',
      hosts: 'tree',
      tasks: [
        {
          name: 'Stage',
          'repository.stage': { storage: 'vault', cluster: 'tree', path_map: { [source]: target } },
          register: 'staged',
        },
        { name: 'Put in place', 'repository.swap': { stage: '{{ staged }}' } },
      ],
    },
  ])
}
