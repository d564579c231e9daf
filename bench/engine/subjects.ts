import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SshdHosts } from '../../test/servers/sshd.ts'
import type { Invocation } from '../measure.ts'

/** `no-op`: everything is as it is wanted. `changing`: every step changes something. */
export type Kind = 'no-op' | 'changing'
export const kinds: readonly Kind[] = ['no-op', 'changing']

export const stepCount = 20

/** Hosts with a folder each; everything of the subjects lies below `work`. */
export interface Fleet {
  readonly work: string
  readonly names: readonly string[]
  readonly daemons: SshdHosts
  dir(host: string): string
}

export interface EngineSubject {
  readonly name: string
  run(kind: Kind, fleet: Fleet): Invocation
}

const steps: readonly number[] = Array.from({ length: stepCount }, (_, index) => index)

/** Puts the hosts back to before the steps. */
export function prepare({ names, dir }: Fleet): void {
  for (const name of names) {
    rmSync(dir(name), { recursive: true, force: true })
    for (const step of steps) mkdirSync(join(dir(name), `folder-${step}`), { recursive: true })
  }
}

/** @throws Error when a subject has not done what it was to do */
export function check(kind: Kind, { names, dir }: Fleet): void {
  for (const name of names) {
    for (const step of steps) {
      const file = join(dir(name), `file-${step}`)
      const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined
      const wanted = kind === 'no-op' ? undefined : `${step}\n`
      if (text !== wanted) throw new Error(`${file} holds ${text}, not ${wanted}`)
    }
  }
}

/** Inventory and playbook in the language that bkp and Ansible share. */
function writeRunbook(kind: Kind, { work, names, daemons, dir }: Fleet) {
  const inventory = join(work, 'inventory.yml')
  const playbook = join(work, `${kind}.yml`)
  const hosts = Object.fromEntries(
    names.map(name => [name, { ansible_port: daemons.address(name).port, dir: dir(name) }]),
  )
  const vars = {
    ansible_host: '127.0.0.1',
    ansible_user: 'root',
    ansible_ssh_private_key_file: daemons.privateKeyFile,
    ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${daemons.knownHostsFile}`,
    // Ansible looks for it on every host otherwise.
    ansible_python_interpreter: '/usr/bin/python3',
  }
  const tasks = steps.map(step =>
    kind === 'no-op'
      ? { file: { path: `{{ dir }}/folder-${step}`, state: 'directory' } }
      : { shell: `echo ${step} > {{ dir }}/file-${step}` },
  )
  writeFileSync(inventory, JSON.stringify({ all: { hosts, vars } }))
  writeFileSync(playbook, JSON.stringify([{ hosts: 'all', gather_facts: false, tasks }]))
  return { inventory, playbook }
}

export function bkp(dist: string): EngineSubject {
  return {
    name: 'bkp',
    run: (kind, fleet) => {
      const { inventory, playbook } = writeRunbook(kind, fleet)
      const program = join(dist, 'cli/main.js')
      return {
        argv: [process.execPath, program, 'run', playbook, '-i', inventory, '--output', 'plain'],
        env: { BKP_STATE_DIR: join(fleet.work, 'state'), HOME: fleet.work },
      }
    },
  }
}

export function ansible(programs: string, pipelining: boolean): EngineSubject {
  return {
    name: pipelining ? 'Ansible, pipelining' : 'Ansible',
    run: (kind, fleet) => {
      const { inventory, playbook } = writeRunbook(kind, fleet)
      return {
        argv: [join(programs, 'ansible-playbook'), '-i', inventory, playbook],
        env: {
          PATH: `${programs}:${process.env['PATH'] ?? ''}`,
          HOME: fleet.work,
          ANSIBLE_HOME: join(fleet.work, 'ansible'),
          ANSIBLE_PIPELINING: pipelining ? 'True' : 'False',
          ANSIBLE_LOCALHOST_WARNING: 'False',
          LC_ALL: 'C.UTF-8',
        },
      }
    },
  }
}

export function pyinfra(programs: string): EngineSubject {
  return {
    name: 'pyinfra',
    run: (kind, { work, names, daemons, dir }) => {
      const inventory = join(work, 'inventory.py')
      const deploy = join(work, 'deploy.py')
      const hosts = names.map(name => {
        const data = {
          ssh_hostname: '127.0.0.1',
          ssh_port: daemons.address(name).port,
          ssh_user: 'root',
          ssh_key: daemons.privateKeyFile,
          ssh_known_hosts_file: daemons.knownHostsFile,
          dir: dir(name),
        }
        return `(${JSON.stringify(name)}, ${JSON.stringify(data)})`
      })
      const operations = steps.map(step =>
        kind === 'no-op'
          ? `files.directory(path=f"{host.data.dir}/folder-${step}")`
          : `server.shell(commands=[f"echo ${step} > {host.data.dir}/file-${step}"])`,
      )
      writeFileSync(inventory, `hosts = [${hosts.join(', ')}]\n`)
      const imports = 'from pyinfra import host\nfrom pyinfra.operations import files, server\n'
      writeFileSync(deploy, `${imports}${operations.join('\n')}\n`)
      return {
        argv: [join(programs, 'pyinfra'), '-y', inventory, deploy],
        env: { HOME: work, LC_ALL: 'C.UTF-8', PYINFRA_PROGRESS: 'off' },
      }
    },
  }
}

/** The limit, with as many syncs as bkp was seen to have. */
export function limit(build: string, syncs: Readonly<Record<Kind, number>>): EngineSubject {
  return {
    name: 'limit',
    run: (kind, { work, names, daemons, dir }) => {
      const file = join(work, 'limit.json')
      const told = {
        hosts: names.map(name => ({ port: daemons.address(name).port, dir: dir(name) })),
        key: daemons.privateKeyFile,
        steps: steps.map(step =>
          kind === 'no-op'
            ? `stat -c '%f %u %g %s %Y' "$1/folder-${step}"`
            : `echo ${step} > "$1/file-${step}"`,
        ),
        syncs: syncs[kind],
        journal: join(work, 'limit.journal'),
      }
      writeFileSync(file, JSON.stringify(told))
      return { argv: [process.execPath, join(build, 'limit/shells.js'), file] }
    },
  }
}
