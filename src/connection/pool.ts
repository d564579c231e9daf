import type { Clock, RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { orAbort } from './abort.ts'
import type { Transport } from './channel.ts'
import type { Host, HostAddress, ReadOnlyHost } from './contract.ts'
import { type ConnectedHost, connectHost } from './host.ts'
import { localTransport } from './local.ts'
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
  close(): Promise<void>
}

export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const { addresses, clock, random } = options
  const surroundings = options.surroundings ?? currentSurroundings()
  const ssh = createSshTransports({ surroundings, clock })
  const connections = new Map<string, Connecting>()

  const addressOf = (name: string): HostAddress => {
    const address = addresses.get(name)
    if (address === undefined)
      throw new BkpError('internal', `there is no address for host ${name}`)
    return address
  }

  const open = async (address: HostAddress): Promise<Opened> => {
    const transport =
      address.transport === 'local' ? localTransport() : await ssh.open(address)
    const slots = createSlots(channelsAtOnce)
    const graceMs = options.graceMs ?? defaultGraceMs
    const host = address.name
    return { transport, ...connectHost({ host, transport, slots, random, clock, graceMs }) }
  }

  // A connection that failed stays failed for the run: a host that is down costs its timeout once.
  // One that broke later is opened anew by whoever needs it: what is owed on that host may still be done.
  const connected = async (address: HostAddress, io: Io): Promise<Host> => {
    const before = connections.get(address.name)
    const isLost = before?.opened !== undefined && !before.opened.transport.isAlive()
    const connecting = before === undefined || isLost ? start(address) : before
    return (await orAbort(connecting.promise, io.signal)).host
  }

  const start = (address: HostAddress): Connecting => {
    const connecting: Connecting = {
      opened: undefined,
      promise: open(address).then(opened => {
        connecting.opened = opened
        return opened
      }),
    }
    connecting.promise.catch(() => {})
    connections.set(address.name, connecting)
    return connecting
  }

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
    close: async () => {
      const all = [...connections.values()]
      connections.clear()
      await Promise.allSettled(all.map(async ({ promise }) => await (await promise).close()))
    },
  })
}

type Opened = ConnectedHost & { readonly transport: Transport }

interface Connecting {
  readonly promise: Promise<Opened>
  opened: Opened | undefined
}
