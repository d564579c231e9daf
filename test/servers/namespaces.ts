import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A host's own network, with an address of its own. */
interface NamespaceHost {
  readonly name: string
  /** As `ip netns` knows it. */
  readonly namespace: string
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

/** Test files run at once: each network has a number of its own, and a file with its owner's pid. */
const claims = '/run/bkp-test-networks'
const mostNetworks = 16

interface Names {
  readonly bridge: string
  readonly network: string
  readonly namespacePrefix: string
  readonly devicePrefix: string
}

/** The network of specs/storage.md §4, and those after it. */
const namesOf = (slot: number): Names => ({
  bridge: `bkpbr${slot}`,
  network: `10.213.${7 + slot}`,
  namespacePrefix: `bkp-host-${slot}-`,
  devicePrefix: `bkpv${slot}-`,
})

const ip = (...words: readonly string[]): void => void execFileSync('ip', words, { stdio: 'pipe' })

/** Makes the namespaces, and cleans up after a run that was killed first. Needs root. */
export function makeNamespaces(names: readonly string[]): Namespaces {
  const slot = claim()
  const { bridge, network, namespacePrefix, devicePrefix } = namesOf(slot)
  const bridgeAddress = `${network}.1`
  ip('link', 'add', bridge, 'type', 'bridge')
  ip('address', 'add', `${bridgeAddress}/24`, 'dev', bridge)
  ip('link', 'set', bridge, 'up')
  const hosts = names.map((name, index): NamespaceHost => {
    const namespace = `${namespacePrefix}${name}`
    const address = `${network}.${11 + index}`
    const device = `${devicePrefix}${index}`
    ip('netns', 'add', namespace)
    ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('link', 'set', device, 'master', bridge)
    ip('link', 'set', device, 'up')
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    return { name, namespace, address, enter: ['nsenter', `--net=/run/netns/${namespace}`] }
  })
  const indexOf = (name: string): number => {
    const index = hosts.findIndex(host => host.name === name)
    if (index < 0) throw new Error(`no namespace ${name}`)
    return index
  }
  const giveBack = (): void => {
    removeLeftovers(slot)
    rmSync(join(claims, String(slot)), { force: true })
  }
  process.once('exit', giveBack)
  return Object.freeze({
    bridgeAddress,
    host: name => hosts[indexOf(name)] as NamespaceHost,
    setUp: (name, isUp) =>
      ip('link', 'set', `${devicePrefix}${indexOf(name)}`, isUp ? 'up' : 'down'),
    stop: () => {
      process.off('exit', giveBack)
      giveBack()
    },
  } satisfies Namespaces)
}

/** A number that nobody has; what a killed run left behind under it is removed. */
function claim(): number {
  mkdirSync(claims, { recursive: true })
  for (let slot = 0; slot < mostNetworks; slot += 1) {
    const file = join(claims, String(slot))
    if (!isAlive(ownerOf(file))) rmSync(file, { force: true })
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
    } catch {
      continue
    }
    removeLeftovers(slot)
    return slot
  }
  throw new Error(`${mostNetworks} networks are in use: look at ${claims}`)
}

/** 0 where nobody has it. */
function ownerOf(claimed: string): number {
  try {
    return Number(readFileSync(claimed, 'utf8'))
  } catch {
    return 0
  }
}

/** Without a pid, its owner is just writing it. */
function isAlive(pid: number): boolean {
  return pid === 0 || existsSync(`/proc/${pid}`)
}

/** Namespaces, their ends of the wires, and the bridge; those of a killed run, too. */
function removeLeftovers(slot: number): void {
  const { bridge, namespacePrefix, devicePrefix } = namesOf(slot)
  if (existsSync('/run/netns')) {
    for (const namespace of readdirSync('/run/netns')) {
      if (!namespace.startsWith(namespacePrefix)) continue
      // A namespace lives as long as a process in it: daemons of a run that was killed.
      const pids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
      for (const pid of pids.split('\n').filter(Boolean)) tryToKill(Number(pid))
      ip('netns', 'delete', namespace)
    }
  }
  for (const device of readdirSync('/sys/class/net')) {
    // A wire goes with its namespace once the last process there has ended; not to wait for that.
    if (device === bridge || device.startsWith(devicePrefix)) tryToDelete(device)
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
