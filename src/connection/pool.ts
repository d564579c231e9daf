import type { Clock, RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { becomeName } from './become.ts'
import type { Transport } from './channel.ts'
import type { Host, HostAddress, Manner, Reach, ReadOnlyHost } from './contract.ts'
import { createLink, type Link } from './link.ts'
import { localTransport } from './local.ts'
import { type Opened, openedOver } from './opened.ts'
import { currentSurroundings, type Surroundings } from './ssh/surroundings.ts'
import type { SshTransports } from './ssh.ts'

const defaultGraceMs = 5000

export interface ConnectionPoolOptions {
  /** By the host's name in the inventory; `reach` says what the inventory does not. The same as long as the pool. */
  readonly addresses: { get(name: string, reach?: Reach): HostAddress | undefined }
  readonly random: RandomBytes
  readonly clock: Clock
  /** Home, user and agent; those of this process unless given. */
  readonly surroundings?: Surroundings
  /** Between SIGTERM and SIGKILL when a remote command is ended, in milliseconds. */
  readonly graceMs?: number
}

/** The connections of a run: one a host, opened when it is first needed, shared by everyone. */
export interface ConnectionPool {
  /**
   * Connects on first use; other users share the connection. @throws internal for a name that has no
   * address
   */
  host(name: string, manner?: Manner): Host
  /** The same connection without anything that could write. */
  readOnly(name: string, manner?: Manner): ReadOnlyHost
  /** The next use of the host connects anew. */
  reset(name: string): Promise<void>
  /**
   * At the end of a run: ends what commands whose connection broke have left running on hosts that nobody
   * has reached since. One short attempt a host; resolves to what may still run.
   */
  endLost(): Promise<readonly BkpError[]>
  close(): Promise<void>
}

export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const { addresses, clock, random } = options
  const surroundings = options.surroundings ?? currentSurroundings()
  const graceMs = options.graceMs ?? defaultGraceMs
  let ssh: Promise<SshTransports> | undefined
  /** ssh2 is large, and runs on this machine alone need none of it. */
  const loadSsh = async (): Promise<SshTransports> =>
    (await import('./ssh.ts')).createSshTransports({ surroundings, clock })
  const transportTo = async (address: HostAddress): Promise<Transport> => {
    if (address.transport === 'local') return localTransport()
    ssh ??= loadSsh()
    return await (await ssh).open(address)
  }
  /** Of each host one, or one for each way it is reached: port and user may differ from play to play. */
  const links = new Map<string, Map<string, Link>>()
  const allLinks = (): readonly Link[] => [...links.values()].flatMap(each => [...each.values()])

  /** What an inventory says is read once: every step of every host asks for it. */
  const known = new Map<string, HostAddress>()
  const addressOf = (name: string, { reach }: Manner): HostAddress => {
    const key = JSON.stringify([name, reach])
    const address = known.get(key) ?? addresses.get(name, reach)
    if (address === undefined)
      throw new BkpError('internal', `there is no address for host ${name}`)
    known.set(key, address)
    return address
  }

  const open = async (address: HostAddress, withinMs?: number): Promise<Opened> => {
    const limitMs = address.connectTimeoutMs
    const hurried =
      withinMs === undefined ? {} : { connectTimeoutMs: Math.min(limitMs ?? withinMs, withinMs) }
    const transport = await transportTo({ ...address, ...hurried })
    return openedOver(transport, { name: address.name, random, clock, graceMs })
  }

  const linkTo = (address: HostAddress): Link => {
    const { name, transport, port, user } = address
    const key = JSON.stringify([transport, port, user])
    const ofHost = links.get(name) ?? new Map<string, Link>()
    links.set(name, ofHost)
    const known = ofHost.get(key)
    if (known !== undefined) return known
    const link = createLink({ name, clock, graceMs, open: withinMs => open(address, withinMs) })
    ofHost.set(key, link)
    return link
  }

  const readOnly = (name: string, manner: Manner = {}): ReadOnlyHost => {
    const address = addressOf(name, manner)
    const connected = async (io: Io): Promise<Host> => await linkTo(address).host(manner, io)
    return Object.freeze({
      name,
      transport: manner.become === undefined ? address.transport : becomeName(address.transport),
      ask: async (probes, io) =>
        Object.keys(probes).length === 0
          ? ({} as never)
          : await (await connected(io)).ask(probes, io),
      scan: async function* (scan, io) {
        yield* (await connected(io)).scan(scan, io)
      },
      read: async function* (path, io, range) {
        yield* (await connected(io)).read(path, io, range)
      },
    } satisfies ReadOnlyHost)
  }

  const host = (name: string, manner: Manner = {}): Host => {
    const address = addressOf(name, manner)
    const connected = async (io: Io): Promise<Host> => await linkTo(address).host(manner, io)
    return Object.freeze({
      ...readOnly(name, manner),
      run: async (command, io) => await (await connected(io)).run(command, io),
      stream: (command, io) => {
        const starting = connected(io).then(opened => opened.stream(command, io))
        const exit = starting.then(async started => await started.exit)
        exit.catch(() => {})
        const stdout = (async function* () {
          yield* (await starting).stdout
        })()
        return { stdout, exit }
      },
      write: async (path, bytes, mode, io) =>
        await (await connected(io)).write(path, bytes, mode, io),
      dial: async (target, io) => await (await connected(io)).dial(target, io),
    } satisfies Host)
  }

  return Object.freeze({
    host,
    readOnly,
    reset: async (name: string) => {
      for (const link of links.get(name)?.values() ?? []) await link.reset()
    },
    endLost: async () => {
      const told = allLinks().map(async link => await link.endLost())
      return (await Promise.all(told)).flat()
    },
    close: async () => {
      const all = allLinks()
      links.clear()
      await Promise.allSettled(all.map(async link => await link.close()))
    },
  })
}
