import { execFile, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { HostAddress } from '../../src/connection/contract.ts'
import { freePort } from './free-port.ts'
import type { Namespaces } from './namespaces.ts'

const execFileAsync = promisify(execFile)
const output = { encoding: 'latin1', maxBuffer: 64 * 1024 * 1024 } as const

export interface SshdHost {
  readonly name: string
  readonly hostname: string
  readonly port: number
  /** Of the daemon, which also leads the host's mount namespace where it has one. */
  readonly pid: number
  /** Where the host's own data folder is, for the host alone; '' without `dataDir`. */
  readonly dataDir: string
}

export interface SshdOptions {
  readonly names: readonly string[]
  /**
   * Each host sees an empty folder of its own here (a tmpfs) that nobody else can see. Needs root. No other
   * file of tests may name the same: whoever removes it unmounts what hosts of others have there.
   */
  readonly dataDir?: string
  /** Hosts with networks of their own: each listens on port 22 of its address, not on 127.0.0.1. */
  readonly network?: Pick<Namespaces, 'host'>
  /** More lines for sshd_config, before the others: the first of equal ones counts. */
  readonly config?: readonly string[]
}

export interface SshdHosts {
  readonly hosts: readonly SshdHost[]
  readonly privateKeyFile: string
  readonly knownHostsFile: string
  /** Keys, configurations and known_hosts. */
  readonly folder: string
  /** How bkp reaches a host. */
  address(name: string): HostAddress
  /** Runs shell text as the host's root, not through bkp and not through ssh; gives its stdout. */
  runOn(name: string, shellText: string): string
  /** The same without blocking this process: for waiting until something happens there. */
  waitOn(name: string, shellText: string): Promise<string>
  /** Ends the daemon and everything that runs on the host, as if the machine had died. */
  kill(name: string): void
  /** Ends everything and removes the folder. */
  stop(): Promise<void>
}

/** From specs/storage.md §4: what a daemon needs to run beside others, without PAM and rights checks. */
function configuration(
  folder: string,
  hostname: string,
  hostKey: string,
  more: readonly string[],
): string {
  return [
    ...more,
    `ListenAddress ${hostname}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'UseDNS no',
    'PrintMotd no',
    'LogLevel ERROR',
    'MaxStartups 100:30:200',
    'MaxSessions 64',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n')
}

function generateKey(file: string, type: 'ed25519' | 'rsa' = 'ed25519'): void {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'bkp-test', '-f', file])
}

/** Waits until something on the port greets as sshd does. */
async function greeted(hostname: string, port: number, isRunning: () => boolean): Promise<void> {
  for (;;) {
    const greeting = await new Promise<string>(resolve => {
      const socket = connect(port, hostname)
      socket.once('data', data => {
        resolve(data.toString('latin1'))
        socket.destroy()
      })
      socket.once('close', () => resolve(''))
      socket.once('error', () => resolve(''))
    })
    if (greeting.startsWith('SSH-2.0')) return
    if (!isRunning()) throw new Error('sshd ended at once')
  }
}

interface Proc {
  readonly pid: number
  readonly parent: number
  readonly mounts: string
}

function processes(): readonly Proc[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const parent = /^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]
        const mounts = readlinkSync(`/proc/${name}/ns/mnt`)
        return [{ pid: Number(name), parent: Number(parent), mounts }]
      } catch {
        // It ended while we looked.
        return []
      }
    })
}

/** A daemon's process and all that came of it; in a mount namespace of its own also what was orphaned. */
function processesOf(pid: number, hasNamespace: boolean): readonly number[] {
  const all = processes()
  const daemon = all.find(process => process.pid === pid)
  const found = new Set(daemon === undefined ? [] : [pid])
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const process of all) {
      const isInside = hasNamespace && process.mounts === daemon?.mounts
      if (found.has(process.parent) || isInside) found.add(process.pid)
    }
  }
  return [...found]
}

/**
 * A login of root runs its ~/.bashrc, which may wait: pyenv's waits a minute for a lock that a shell
 * killed by an earlier test still holds.
 */
const quietLogin = 'if [ -e /root/.bashrc ]; then mount --bind /dev/null /root/.bashrc; fi'
/** As another machine's: what one host leaves in its memory is not another's. */
const ownMemory = 'mount -t tmpfs -o mode=1777 "$0" /dev/shm'
/** $0 is the host's name, $1 its folder; the daemon follows. */
const ownDataFolder = 'mount -t tmpfs -o mode=0755 "$0" "$1"'

/** Starts real sshd daemons, each with its own port, host key and, if wanted, data folder. */
export async function startSshd(options: SshdOptions): Promise<SshdHosts> {
  const { names, dataDir } = options
  const folder = mkdtempSync(join(tmpdir(), 'bkp-sshd-'))
  // Daemons read the authorized keys under the uid of whoever logs in.
  chmodSync(folder, 0o755)
  mkdirSync('/run/sshd', { recursive: true })
  const madeDataDir = dataDir !== undefined && !existsSync(dataDir)
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
  const privateKeyFile = join(folder, 'id_ed25519')
  const knownHostsFile = join(folder, 'known_hosts')
  generateKey(privateKeyFile)
  copyFileSync(`${privateKeyFile}.pub`, join(folder, 'authorized_keys'))

  const started = names.map(async (name): Promise<SshdHost & { readonly line: string }> => {
    const hostKey = join(folder, `${name}-host-key`)
    const config = join(folder, `${name}.conf`)
    generateKey(hostKey)
    const own = options.network?.host(name)
    const hostname = own?.address ?? '127.0.0.1'
    writeFileSync(config, configuration(folder, hostname, hostKey, options.config ?? []))
    const port = own === undefined ? await freePort() : 22
    const daemon = ['/usr/sbin/sshd', '-D', '-e', '-f', config, '-p', String(port)]
    const mount = dataDir === undefined ? '' : ownDataFolder
    const memory = own === undefined ? '' : ownMemory
    const script = [quietLogin, memory, mount, 'shift', 'exec "$@"'].join('\n')
    const place = [name, dataDir ?? '']
    const unshare = ['unshare', '-m', '--propagation', 'private', 'sh', '-ec', script]
    const [first = '', ...rest] = [...(own?.enter ?? []), ...unshare, ...place, ...daemon]
    const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
    child.unref()
    await greeted(hostname, port, () => child.exitCode === null && child.signalCode === null)
    const [type, key] = readFileSync(`${hostKey}.pub`, 'utf8').split(' ')
    const listed = port === 22 ? hostname : `[${hostname}]:${port}`
    const line = `${listed} ${type} ${key}\n`
    return { name, hostname, port, pid: child.pid ?? 0, dataDir: dataDir ?? '', line }
  })
  const hosts = await Promise.all(started)
  writeFileSync(knownHostsFile, hosts.map(({ line }) => line).join(''))

  const find = (name: string) => {
    const host = hosts.find(candidate => candidate.name === name)
    if (host === undefined) throw new Error(`no host ${name}`)
    return host
  }
  const own = options.network === undefined ? ['-m'] : ['-m', '-n']
  const commandOn = (name: string, shellText: string): [string, string[]] =>
    dataDir === undefined
      ? ['sh', ['-c', shellText]]
      : ['nsenter', [...own, '-t', String(find(name).pid), '--', 'sh', '-c', shellText]]
  const kill = (name: string) => {
    for (const pid of processesOf(find(name).pid, dataDir !== undefined)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself.
      }
    }
  }
  const killAll = () => {
    for (const { name } of hosts) kill(name)
  }
  // A test that failed before it stopped them must leave nothing running.
  process.once('exit', killAll)
  return Object.freeze({
    hosts,
    privateKeyFile,
    knownHostsFile,
    folder,
    address: name => ({
      name,
      transport: 'ssh',
      hostname: find(name).hostname,
      port: find(name).port,
      user: 'root',
      privateKeyFile,
      strictHostKeyChecking: 'yes',
      knownHostsFiles: [knownHostsFile],
      connectTimeoutMs: 10_000,
    }),
    runOn: (name, shellText) => {
      const [program, words] = commandOn(name, shellText)
      return execFileSync(program, words, output)
    },
    waitOn: async (name, shellText) => {
      const [program, words] = commandOn(name, shellText)
      return (await execFileAsync(program, words, output)).stdout
    },
    kill,
    stop: async () => {
      killAll()
      process.off('exit', killAll)
      rmSync(folder, { recursive: true, force: true })
      if (madeDataDir && dataDir !== undefined) rmdirSync(dataDir)
    },
  } satisfies SshdHosts)
}

/** The daemons that serve connections: children of the one that listens, and for users theirs. */
export function connectionsOf(
  { hosts }: Pick<SshdHosts, 'hosts'>,
  name: string,
): readonly number[] {
  /** Empty of what has ended. */
  const textOf = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }
  const childrenOf = (pid: number | undefined): readonly number[] =>
    textOf(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number)
  const isDaemon = (pid: number) => textOf(`/proc/${pid}/comm`).startsWith('sshd')
  const serving = childrenOf(hosts.find(host => host.name === name)?.pid)
  return [...serving, ...serving.flatMap(pid => childrenOf(pid).filter(isDaemon))]
}
