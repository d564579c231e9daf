import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { explain, makeWorkspace, type Workspace } from '../slice/bkp.ts'

const dataDir = `/data-mounts-${process.pid}`
const [whole, mounted] = [`${dataDir}/disk0/nebula`, `${dataDir}/disk1/nebula`]

let hosts: SshdHosts
let workspace: Workspace
beforeAll(async () => {
  hosts = await startSshd({ names: ['s1'], dataDir })
  workspace = makeWorkspace()
})
afterAll(async () => {
  await hosts?.stop()
  workspace?.remove()
})

function writeInventory(): void {
  const { privateKeyFile, knownHostsFile } = hosts
  const [host] = hosts.hosts
  if (host === undefined) throw new Error('no host')
  const vars = {
    ansible_user: 'root',
    ansible_ssh_private_key_file: privateKeyFile,
    ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHostsFile}`,
    ansible_host: host.hostname,
    ansible_port: host.port,
  }
  const clusters = { graph: { kind: 'nebula', hosts: { metad: 's1', storaged: 's1' } } }
  writeFileSync(workspace.inventory, JSON.stringify({ all: { hosts: { s1: vars } }, clusters }))
}

/** Paths below a folder, but not what bkp keeps there. */
const seen = (path: string): string =>
  hosts.runOn('s1', `cd ${path} && find . -name '.bkp-*' -prune -o -type f -print | sort`)
const isMounted = (path: string): string =>
  hosts.runOn('s1', `mountpoint -q ${path} && echo yes || echo no`).trim()

describe('data of a NebulaGraph on disks of its own', () => {
  it('is set aside and put back by renames within each: no rename crosses a mount', () => {
    writeInventory()
    // One disk is mounted at the data path, the other at `nebula` itself, which nothing can rename.
    hosts.runOn(
      's1',
      `set -e
      for at in ${dataDir}/disk0 ${mounted}; do
        mkdir -p $at; mount -t tmpfs -o size=256m none $at
      done
      for at in ${whole} ${mounted}; do
        mkdir -p $at/1/data $at/2/data; echo old >$at/1/data/CURRENT; echo old >$at/2/data/CURRENT
      done`,
    )
    const before = [seen(whole), seen(mounted)]
    expect(before[0]).toBe('./1/data/CURRENT\n./2/data/CURRENT\n')
    const playbook = join(workspace.folder, 'step.yml')
    const stage = '{{ empty }}'
    const tasks = [
      {
        name: 'build empty folders',
        'nebula.stage_empty': { cluster: 'graph', targets: { s1: [whole, mounted] } },
        register: 'empty',
      },
      {
        name: 'swap them, or put everything back',
        block: [
          {
            name: 'swap',
            'repository.swap': { stage, keep: '1h' },
            rollback: { 'repository.unswap': { stage } },
          },
          {
            name: 'look',
            command: `sh -c 'cd ${mounted} && ls; cd ${whole} && ls'`,
            register: 'ls',
          },
          { name: 'fail', fail: { msg: 'left: {{ ls.stdout }}' } },
        ],
      },
    ]
    writeFileSync(playbook, JSON.stringify([{ hosts: 'all', gather_facts: false, tasks }]))
    const outcome = workspace.run(['run', playbook, '-i', workspace.inventory])
    expect(outcome.status, explain(outcome)).toBe(2)
    // Empty in between, whatever was there before; then all is back where it was.
    expect(outcome.stdout, explain(outcome)).toMatch(/left: *$/m)
    expect([seen(whole), seen(mounted)]).toEqual(before)
    expect([isMounted(whole), isMounted(mounted)]).toEqual(['no', 'yes'])
  })
})
