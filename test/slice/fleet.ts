import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Namespaces } from '../servers/namespaces.ts'
import type { RunShell } from '../servers/rocksdb.ts'
import { startSshd } from '../servers/sshd.ts'
import { makeWorkspace, type Workspace } from './bkp.ts'
import { remountAll } from './read-only.ts'

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
  readonly store: FleetStore
  stop(): Promise<void>
}

/** Where the fleet's backups go: the storage that its inventory calls `vault`. */
export interface FleetStore {
  /** As the inventory defines it. */
  readonly definition: Readonly<Record<string, unknown>>
  readonly url: string
  /** What bkp finds in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** A folder with the repository's objects as they are now. */
  folder(): Promise<string>
  /** What would differ if anything had been written. */
  state(): Promise<unknown>
}

/** Where a fleet's hosts and backups are; on ports of this machine, and in a folder, without it. */
export interface FleetSite {
  readonly network?: Namespaces
  makeStore?(workspace: Workspace): FleetStore
}

/** The folder that each host has for itself; no other test may mount or remove it. */
export const dataFolder = `/data-${process.pid}`

/** Starts the hosts and writes the inventory; `settings` are the cluster's own. */
export async function startFleet(
  names: readonly string[],
  settings: Readonly<Record<string, unknown>>,
  { network, makeStore = folderStore }: FleetSite = {},
): Promise<Fleet> {
  const workspace = makeWorkspace()
  const store = makeStore(workspace)
  const daemons = await startSshd({
    names,
    dataDir: dataFolder,
    ...(network === undefined ? {} : { network }),
  })
  const hosts = daemons.hosts.map(({ name, pid }) => {
    const run: RunShell = script => daemons.runOn(name, `set -e\n${script}`)
    return Object.freeze({
      name,
      sshdPid: pid,
      run,
      root: `/proc/${pid}/root`,
      setReadOnly: readOnly => {
        run(remountAll(readOnly ? 'ro' : 'rw'))
      },
    } satisfies FleetHost)
  })
  const { privateKeyFile, knownHostsFile } = daemons
  const inventory = {
    all: {
      vars: {
        ansible_user: 'root',
        ansible_ssh_private_key_file: privateKeyFile,
        ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHostsFile}`,
      },
      hosts: Object.fromEntries(
        daemons.hosts.map(({ name, hostname, port }) => [
          name,
          { ansible_host: hostname, ansible_port: port },
        ]),
      ),
    },
    clusters: { databases: { kind: 'files', hosts: names.join(':'), ...settings } },
    storages: { vault: store.definition },
  }
  // JSON is YAML.
  const path = join(workspace.folder, 'inventory.yml')
  writeFileSync(path, JSON.stringify(inventory, undefined, 2))
  return Object.freeze({
    ...workspace,
    storageUrl: store.url,
    run: (words, options = {}) =>
      workspace.run(words, { ...options, env: { ...store.env, ...options.env } }),
    store,
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

function folderStore({ storage, storageUrl }: Workspace): FleetStore {
  return {
    definition: { type: 'file', path: storage },
    url: storageUrl,
    env: {},
    folder: async () => storage,
    // It lies in the workspace, which tests compare as a whole.
    state: async () => undefined,
  }
}
