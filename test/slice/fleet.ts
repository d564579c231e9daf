import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunShell } from '../servers/rocksdb.ts'
import { startSshd } from '../servers/sshd.ts'
import { makeWorkspace, type Workspace } from './bkp.ts'

/** A host that only its own sshd reaches; its data folder is a file system of its own. */
export interface FleetHost {
  readonly name: string
  readonly sshdPid: number
  /** Runs a shell script on it, not through bkp. */
  readonly run: RunShell
  /** Where this process sees the host's root folder. */
  readonly root: string
  /** Makes every file system of the host read-only, or writable again. */
  setReadOnly(readOnly: boolean): void
}

/** A workspace whose inventory has one cluster, `databases`, of hosts under sshd. */
export interface Fleet extends Workspace {
  readonly hosts: readonly FleetHost[]
  host(name: string): FleetHost
  stop(): Promise<void>
}

/** The folder that each host has for itself; no other test may mount or remove it. */
export const dataFolder = `/data-${process.pid}`

/** Starts the hosts and writes the inventory; `settings` are the cluster's own. */
export async function startFleet(
  names: readonly string[],
  settings: Readonly<Record<string, unknown>>,
): Promise<Fleet> {
  const workspace = makeWorkspace()
  const daemons = await startSshd({ names, dataDir: dataFolder })
  const hosts = daemons.hosts.map(({ name, pid }) => {
    const run: RunShell = script => daemons.runOn(name, `set -e\n${script}`)
    return Object.freeze({
      name,
      sshdPid: pid,
      run,
      root: `/proc/${pid}/root`,
      setReadOnly: readOnly => {
        run(`awk '{ print $2 }' /proc/self/mounts | while read -r mount
          do mount -o remount,bind,${readOnly ? 'ro' : 'rw'} "$mount"
          done`)
      },
    } satisfies FleetHost)
  })
  const { privateKeyFile, knownHostsFile } = daemons
  const inventory = {
    all: {
      vars: {
        ansible_host: '127.0.0.1',
        ansible_user: 'root',
        ansible_ssh_private_key_file: privateKeyFile,
        ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHostsFile}`,
      },
      hosts: Object.fromEntries(
        daemons.hosts.map(({ name, port }) => [name, { ansible_port: port }]),
      ),
    },
    clusters: { databases: { kind: 'files', hosts: names.join(':'), ...settings } },
    storages: { vault: { type: 'file', path: workspace.storage } },
  }
  // JSON is YAML.
  const path = join(workspace.folder, 'inventory.yml')
  writeFileSync(path, JSON.stringify(inventory, undefined, 2))
  return Object.freeze({
    ...workspace,
    hosts,
    host: name => {
      const host = hosts.find(candidate => candidate.name === name)
      if (host === undefined) throw new Error(`no host ${name}`)
      return host
    },
    stop: async () => {
      await daemons.stop()
      workspace.remove()
    },
  } satisfies Fleet)
}
