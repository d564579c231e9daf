import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { timeRun } from '../measure.ts'
import type { Ground } from './ground.ts'

export const planes = ['direct', 'relay'] as const
export type Plane = (typeof planes)[number]
export const ways = ['backup', 'restore'] as const
export type Way = (typeof ways)[number]

export interface Told {
  readonly plane: Plane
  readonly way: Way
  /** Of the repository: a backup begins with an empty one, a restore takes what is there. */
  readonly prefix: string
}

/** As a user runs it: the command line and a playbook. Gives milliseconds. */
export function runBkp(dist: string, ground: Ground, { plane, way, prefix }: Told): number {
  const { work, names, target, source, server } = ground
  const inventory = join(work, `inventory-${plane}.yml`)
  const playbook = join(work, `${way}-${plane}.yml`)
  // JSON is YAML.
  writeFileSync(inventory, JSON.stringify(inventoryOf(ground, prefix)))
  writeFileSync(
    playbook,
    JSON.stringify(way === 'backup' ? backup(ground, plane) : restore(ground, plane)),
  )
  for (const name of names) rmSync(target(name), { recursive: true, force: true })
  const { milliseconds } = timeRun({
    argv: [process.execPath, join(dist, 'cli/main.js'), 'run', playbook, '-i', inventory],
    env: {
      BKP_STATE_DIR: join(work, 'state'),
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    },
  })
  if (way === 'restore') {
    for (const name of names) execFileSync('diff', ['-r', source(name), target(name)])
  }
  return milliseconds
}

function inventoryOf({ names, daemons, server }: Ground, prefix: string): unknown {
  const hosts = Object.fromEntries(
    names.map(name => [name, { ansible_host: daemons.address(name).hostname }]),
  )
  const vars = {
    ansible_user: 'root',
    ansible_ssh_private_key_file: daemons.privateKeyFile,
    ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${daemons.knownHostsFile}`,
  }
  const vault = {
    type: 's3',
    bucket: server.bucket,
    prefix,
    endpoint: server.endpoint,
    region: 'us-east-1',
    path_style: true,
  }
  return { all: { hosts, vars }, storages: { vault } }
}

const logical = (name: string): string => `${name}/data`

function backup({ names, source }: Ground, plane: Plane): unknown {
  const paths = Object.fromEntries(
    names.map(name => [name, [{ path: source(name), as: logical(name) }]]),
  )
  return play('Back up', [
    { name: 'Store', 'repository.backup': { storage: 'vault', plane, paths } },
  ])
}

function restore({ names, target }: Ground, plane: Plane): unknown {
  const map = Object.fromEntries(names.map(name => [logical(name), target(name)]))
  const stage = { storage: 'vault', plane, path_map: map }
  return play('Restore', [
    { name: 'Stage', 'repository.stage': stage, register: 'staged' },
    { name: 'Put in place', 'repository.swap': { stage: '{{ staged }}' } },
  ])
}

function play(name: string, tasks: readonly unknown[]): unknown {
  return [{ name, hosts: 'all', gather_facts: false, tasks }]
}
