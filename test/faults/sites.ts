import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../slice/bkp.ts'

/** Hosts with a folder each, on this machine: as they are, or each behind an sshd of its own. */
export interface Faultsite extends Workspace {
  readonly hosts: readonly string[]
  /** Set over ssh. */
  readonly daemons: SshdHosts | undefined
  /** A host's own folder, its variable `dir`. */
  dir(host: string): string
  /** Writes a playbook and gives its path. */
  playbook(text: string): string
  stop(): Promise<void>
}

export type Transport = 'local' | 'ssh'

/** A workspace whose inventory has the hosts, each with variables `dir` and `mark`. */
export async function makeSite(
  transport: Transport,
  hosts: readonly string[] = ['alpha', 'beta'],
): Promise<Faultsite> {
  const workspace = makeWorkspace()
  const dir = (host: string): string => join(workspace.folder, host)
  for (const host of hosts) mkdirSync(dir(host))
  const daemons = transport === 'ssh' ? await startSshd({ names: hosts }) : undefined
  const reach = (host: string): Readonly<Record<string, unknown>> =>
    daemons === undefined
      ? { ansible_connection: 'local' }
      : {
          ansible_host: '127.0.0.1',
          ansible_user: 'root',
          ansible_port: daemons.address(host).port,
          ansible_ssh_private_key_file: daemons.privateKeyFile,
          ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${daemons.knownHostsFile}`,
        }
  const inventory = {
    all: {
      hosts: Object.fromEntries(hosts.map(host => [host, { ...reach(host), dir: dir(host) }])),
    },
  }
  // JSON is YAML.
  writeFileSync(workspace.inventory, JSON.stringify(inventory))
  return Object.freeze({
    ...workspace,
    hosts,
    daemons,
    dir,
    playbook: (text: string) => {
      const path = join(workspace.folder, 'book.yml')
      writeFileSync(path, text)
      return path
    },
    stop: async () => {
      await daemons?.stop()
      workspace.remove()
    },
  } satisfies Faultsite)
}
