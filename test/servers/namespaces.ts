import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

/** A host's own network, with an address of its own. */
interface NamespaceHost {
  readonly name: string
  readonly address: string
  /** Words in front of a command that run it there. */
  readonly enter: readonly string[]
}

/** Hosts that are network namespaces on one bridge of this machine. */
export interface Namespaces {
  /** Of this machine on the bridge: what listens there, hosts reach. */
  readonly bridgeAddress: string
  host(name: string): NamespaceHost
  /** Takes a host off the network, or puts it back: no packet reaches it meanwhile. */
  setUp(name: string, isUp: boolean): void
  stop(): void
}

/** From specs/storage.md §4. */
const bridge = 'bkpbr0'
const network = '10.213.7'
const bridgeAddress = `${network}.1`
const prefix = 'bkp-host-'

const ip = (...words: readonly string[]): void => void execFileSync('ip', words, { stdio: 'pipe' })

/** Makes the namespaces, and cleans up after a run that was killed first. Needs root. */
export function makeNamespaces(names: readonly string[]): Namespaces {
  removeLeftovers()
  ip('link', 'add', bridge, 'type', 'bridge')
  ip('address', 'add', `${bridgeAddress}/24`, 'dev', bridge)
  ip('link', 'set', bridge, 'up')
  const hosts = names.map((name, index): NamespaceHost => {
    const namespace = `${prefix}${name}`
    const address = `${network}.${11 + index}`
    const device = `bkpv${index}`
    ip('netns', 'add', namespace)
    ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('link', 'set', device, 'master', bridge)
    ip('link', 'set', device, 'up')
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    return { name, address, enter: ['nsenter', `--net=/run/netns/${namespace}`] }
  })
  const indexOf = (name: string): number => {
    const index = hosts.findIndex(host => host.name === name)
    if (index < 0) throw new Error(`no namespace ${name}`)
    return index
  }
  process.once('exit', removeLeftovers)
  return Object.freeze({
    bridgeAddress,
    host: name => hosts[indexOf(name)] as NamespaceHost,
    setUp: (name, isUp) => ip('link', 'set', `bkpv${indexOf(name)}`, isUp ? 'up' : 'down'),
    stop: () => {
      process.off('exit', removeLeftovers)
      removeLeftovers()
    },
  } satisfies Namespaces)
}

/** Namespaces, their ends of the wires, and the bridge; those of a killed run, too. */
function removeLeftovers(): void {
  if (existsSync('/run/netns')) {
    for (const namespace of readdirSync('/run/netns')) {
      if (!namespace.startsWith(prefix)) continue
      // A namespace lives as long as a process in it: daemons of a run that was killed.
      const pids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
      for (const pid of pids.split('\n').filter(Boolean)) tryToKill(Number(pid))
      ip('netns', 'delete', namespace)
    }
  }
  for (const device of readdirSync('/sys/class/net')) {
    // A wire goes with its namespace once the last process there has ended; not to wait for that.
    if (device === bridge || /^bkpv\d+$/.test(device)) tryToDelete(device)
  }
}

function tryToDelete(device: string): void {
  try {
    ip('link', 'delete', device)
  } catch (error) {
    // Gone by itself in between.
    if (existsSync(`/sys/class/net/${device}`)) throw error
  }
}

function tryToKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
