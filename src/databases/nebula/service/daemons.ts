import { posix } from 'node:path'
import type { HeldLock, ListeningPort, ProcessFacts } from '../../../connection/probes.ts'
import type { Instance, NebulaRole } from '../instances.ts'
import { toServicePath } from '../paths.ts'
import type { NebulaSettings } from '../settings.ts'

/** The name of a daemon's program and, without settings, of its systemd unit. */
export function daemonName(role: NebulaRole): string {
  return `nebula-${role}`
}

/** What a host says of all that could be a daemon. */
export interface HostView {
  /** With `nebula-` in their command lines. */
  readonly processes: readonly ProcessFacts[]
  readonly ports: readonly ListeningPort[]
  /** LOCK files of RocksDB, below all data paths. */
  readonly locks: readonly HeldLock[]
  /** By pid file: what is written in it. */
  readonly pidFiles: Readonly<Record<string, string>>
}

/** What is known of one service. */
export interface Observed {
  readonly instance: Instance
  readonly processes: readonly ProcessFacts[]
  /** Something listens on its port: it, or something that bkp cannot see is it. */
  readonly isListening: boolean
  /** LOCK files of its data that are held, and not by another service that was seen. */
  readonly locks: readonly string[]
  /** What its pid file says; empty where there is none. */
  readonly written: string
}

/** Its processes that its pid file does not name: the vendor's script does not find them. */
export function strays({ processes, written }: Observed): readonly ProcessFacts[] {
  return processes.filter(({ pid }) => String(pid) !== written)
}

/**
 * running: process and port. starting: a process, no port. stopped: neither, nor a lock. closing: only a
 * lock is left. unseen: its port is open, and no process is there.
 */
export type ServiceState = 'running' | 'starting' | 'stopped' | 'closing' | 'unseen'

export function stateOf({ processes, isListening, locks }: Observed): ServiceState {
  if (processes.length > 0) return isListening ? 'running' : 'starting'
  if (isListening) return 'unseen'
  return locks.length > 0 ? 'closing' : 'stopped'
}

/**
 * Tells the services of one host apart: by the `--flagfile` of their processes, whatever the pid files
 * say; a process that names none counts where the pid file names it (specs/nebula.md §4, 23).
 */
export function observeDaemons(
  instances: readonly Instance[],
  view: HostView,
  settings: NebulaSettings,
): readonly Observed[] {
  const found = instances.map(instance => ({
    instance,
    processes: view.processes.filter(process => isDaemon(process, instance, view, settings)),
  }))
  const owners = new Map(
    found.flatMap(({ instance, processes }) =>
      processes.map(({ pid }) => [pid, instance] as const),
    ),
  )
  return found.map(({ instance, processes }) => ({
    instance,
    processes,
    isListening: view.ports.some(port => listensFor(port, instance)),
    locks: view.locks.filter(lock => isLockOf(lock, instance, owners)).map(({ path }) => path),
    written: view.pidFiles[instance.pidFile]?.trim() ?? '',
  }))
}

function isLockOf(
  { path, pid }: HeldLock,
  instance: Instance,
  owners: ReadonlyMap<number, Instance>,
): boolean {
  if (!instance.dataDirs.some(folder => path.startsWith(`${folder.replace(/\/+$/, '')}/`))) {
    return false
  }
  // metad and storaged of a small cluster may share a data path.
  const owner = pid === undefined ? undefined : owners.get(pid)
  return owner === undefined || owner === instance
}

function listensFor({ address, port }: ListeningPort, { dial }: Instance): boolean {
  if (port !== dial.port) return false
  const isLiteral = /^[0-9.]+$/.test(dial.host) || dial.host.includes(':')
  return !isLiteral || address === '0.0.0.0' || address === '::' || address === dial.host
}

const shells: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'ash', 'busybox', 'env'])

/** Whether it runs that program: not a shell, an editor or a sudo that only names it. */
function runs(program: string, { argv, exe }: ProcessFacts): boolean {
  const [first = '', second = ''] = argv
  const name = posix.basename(first)
  const named = shells.has(name) ? posix.basename(second) : name
  // A file that was replaced while it runs.
  return named === program || posix.basename(exe?.replace(/ \(deleted\)$/, '') ?? '') === program
}

function isDaemon(
  process: ProcessFacts,
  instance: Instance,
  { pidFiles }: HostView,
  settings: NebulaSettings,
): boolean {
  if (!runs(daemonName(instance.role), process) && !runs('nebula-standalone', process)) return false
  const port = flagOf(process, 'port')
  // Containers on one host have the same path each; their command lines name what differs.
  if (port !== undefined && Number(port) !== instance.address.port) return false
  const file = flagOf(process, 'flagfile')
  if (file === undefined) return pidFiles[instance.pidFile]?.trim() === String(process.pid)
  const { conf, hostName } = instance
  // Another file under the same name: a container with an installation of its own.
  if (isFile(file, process, conf) && process.otherFiles.includes(conf)) return false
  return (
    isFile(file, process, conf) || isFile(file, process, toServicePath(settings, hostName, conf))
  )
}

/** gflags takes one dash or two, and the value with `=` or as the next word; the last one counts. */
function flagOf({ argv }: ProcessFacts, name: string): string | undefined {
  let value: string | undefined
  for (const [index, word] of argv.entries()) {
    if (word === `--${name}` || word === `-${name}`) value = argv[index + 1]
    const [, joined] = new RegExp(`^--?${name}=(.*)$`, 's').exec(word) ?? []
    if (joined !== undefined) value = joined
  }
  return value
}

function isFile(given: string, { cwd }: ProcessFacts, conf: string): boolean {
  const wanted = posix.normalize(conf)
  if (given.startsWith('/')) return posix.normalize(given) === wanted
  if (cwd !== undefined) return posix.resolve(cwd, given) === wanted
  // Whose folder is not shown: nothing speaks against it.
  return wanted.endsWith(`/${posix.normalize(given)}`)
}
