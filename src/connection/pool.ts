import type { Clock, RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Host, HostAddress, ReadOnlyHost } from './contract.ts'
import { connectHost } from './host.ts'
import { createLink, type Link, type Opened } from './link.ts'
import { localTransport } from './local.ts'
import { createSession } from './session.ts'
import { createSlots } from './slots.ts'
import { currentSurroundings, type Surroundings } from './ssh/surroundings.ts'
import { createSshTransports } from './ssh.ts'

/** Channels of one host besides its long-lived shell; sshd allows 10 by default. */
const channelsAtOnce = 8
const defaultGraceMs = 5000

export interface ConnectionPoolOptions {
  /** By the host's name in the inventory. */
  readonly addresses: Pick<ReadonlyMap<string, HostAddress>, 'get'>
  readonly random: RandomBytes
  readonly clock: Clock
  /** Home, user and agent; those of this process unless given. */
  readonly surroundings?: Surroundings
  /** Between SIGTERM and SIGKILL when a remote command is ended, in milliseconds. */
  readonly graceMs?: number
}

/** The connections of a run: one a host, opened when it is first needed, shared by everyone. */
export interface ConnectionPool {
  /** Connects on first use. @throws internal for a name that is not in the inventory */
  host(name: string): Host
  /** The same connection without anything that could write. */
  readOnly(name: string): ReadOnlyHost
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
  const ssh = createSshTransports({ surroundings, clock })
  const links = new Map<string, Link>()

  const addressOf = (name: string): HostAddress => {
    const address = addresses.get(name)
    if (address === undefined)
      throw new BkpError('internal', `there is no address for host ${name}`)
    return address
  }

  const open = async (address: HostAddress, withinMs?: number): Promise<Opened> => {
    const limitMs = address.connectTimeoutMs
    const hurried =
      withinMs === undefined ? {} : { connectTimeoutMs: Math.min(limitMs ?? withinMs, withinMs) }
    const transport =
      address.transport === 'local' ? localTransport() : await ssh.open({ ...address, ...hurried })
    const slots = createSlots(channelsAtOnce)
    const session = createSession({ host: address.name, transport, slots, random, clock, graceMs })
    return { session, connected: connectHost(session) }
  }

  const linkTo = (address: HostAddress): Link => {
    const known = links.get(address.name)
    if (known !== undefined) return known
    const { name } = address
    const link = createLink({ name, clock, open: withinMs => open(address, withinMs) })
    links.set(name, link)
    return link
  }

  const connected = async (address: HostAddress, io: Io): Promise<Host> =>
    await linkTo(address).host(io)

  const readOnly = (name: string): ReadOnlyHost => {
    const address = addressOf(name)
    return Object.freeze({
      name,
      transport: address.transport,
      ask: async (probes, io) =>
        Object.keys(probes).length === 0
          ? ({} as never)
          : await (await connected(address, io)).ask(probes, io),
      scan: async function* (scan, io) {
        yield* (await connected(address, io)).scan(scan, io)
      },
      read: async function* (path, io, range) {
        yield* (await connected(address, io)).read(path, io, range)
      },
    } satisfies ReadOnlyHost)
  }

  const host = (name: string): Host => {
    const address = addressOf(name)
    return Object.freeze({
      ...readOnly(name),
      run: async (command, io) => await (await connected(address, io)).run(command, io),
      stream: (command, io) => {
        const starting = connected(address, io).then(opened => opened.stream(command, io))
        const exit = starting.then(async started => await started.exit)
        exit.catch(() => {})
        const stdout = (async function* () {
          yield* (await starting).stdout
        })()
        return { stdout, exit }
      },
      write: async (path, bytes, mode, io) =>
        await (await connected(address, io)).write(path, bytes, mode, io),
      dial: async (target, io) => await (await connected(address, io)).dial(target, io),
    } satisfies Host)
  }

  return Object.freeze({
    host,
    readOnly,
    endLost: async () => {
      const told = [...links.values()].map(async link => await link.endLost())
      return (await Promise.all(told)).flat()
    },
    close: async () => {
      const all = [...links.values()]
      links.clear()
      await Promise.allSettled(all.map(async link => await link.close()))
    },
  })
}
