import type { Duplex } from 'node:stream'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ClusterAccess } from '../../contract.ts'
import { requireAddress } from '../addresses.ts'
import { addressText, type ServiceAddress } from '../contract.ts'
import type { Instance } from '../instances.ts'
import type { NebulaSettings } from '../settings.ts'
import { type ThriftConnection, thriftConnection } from '../thrift/connection.ts'
import { within } from './within.ts'

/** A metad, and from which host it is dialled. */
export interface Metad {
  /** As the cluster knows it. */
  readonly address: ServiceAddress
  readonly from: string
  readonly dial: ServiceAddress
}

/** The metads of a cluster and the connections to them. */
export interface Metads {
  /** In inventory order. */
  known(io: Io): Promise<readonly Metad[]>
  /** One by the name that another metad gives it. `namedBy` can reach it, where nobody knows better. */
  find(address: ServiceAddress, io: Io, namedBy?: Metad): Promise<Metad>
  /**
   * Lends a connection, and says whether it was used before; it is kept for the next call while it is
   * sound. @throws nebula.unreachable
   */
  use<T>(
    metad: Metad,
    options: { readonly fresh: boolean },
    io: Io,
    act: (connection: ThriftConnection, isUsed: boolean) => Promise<T>,
  ): Promise<T>
  close(): void
}

/** Milliseconds for a connection to be made (specs/nebula.md §1.1 has BR's). */
const connectMs = 10_000

/** Reads which metads there are; injected, so that tests need no configuration files. */
export type FindInstances = (access: ClusterAccess, io: Io) => Promise<readonly Instance[]>

export function metadsOf(access: ClusterAccess, findInstances: FindInstances): Metads {
  const settings = access.settings as NebulaSettings
  const idle = new Map<string, ThriftConnection[]>()
  const open = new Set<ThriftConnection>()
  let instances: Promise<readonly Metad[]> | undefined

  async function readKnown(io: Io): Promise<readonly Metad[]> {
    const found = await findInstances(access, io)
    const metads = found.filter(({ role }) => role === 'metad')
    if (metads.length === 0) {
      throw new BkpError('inventory.invalid', `cluster "${access.name}" names no metad`, {
        hint: 'give the hosts of its metads under hosts.metad',
      })
    }
    return metads.map(({ address, dial, hostName }) => ({ address, dial, from: hostName }))
  }

  async function known(io: Io): Promise<readonly Metad[]> {
    instances ??= readKnown(io)
    const asked = instances
    try {
      return await asked
    } catch (error) {
      if (instances === asked) instances = undefined
      throw error
    }
  }

  async function find(address: ServiceAddress, io: Io, namedBy?: Metad): Promise<Metad> {
    const metads = await known(io)
    const same = metads.find(metad => addressText(metad.address) === addressText(address))
    if (same !== undefined) return same
    const from = (namedBy ?? metads[0])?.from ?? ''
    const mapped = settings.address_map?.[addressText(address)]
    const dial = mapped === undefined ? address : requireAddress(mapped, address.port)
    return { address, dial, from }
  }

  async function connect(metad: Metad, io: Io): Promise<ThriftConnection> {
    const peer = peerName(metad)
    const stream = await within(
      {
        clock: access.clock,
        milliseconds: connectMs,
        signal: io.signal,
        late: () => undialled(metad, `no connection within ${connectMs / 1000} s`),
      },
      async signal => {
        const dialling: Promise<Duplex> = access.dial(metad.from, metad.dial, { ...io, signal })
        // One that comes after its time is closed again.
        dialling.then(
          late => {
            if (signal.aborted) late.destroy()
          },
          () => {},
        )
        return await dialling
      },
    ).catch(error => {
      if (io.signal.aborted) throw error
      if (error instanceof BkpError && error.code === 'nebula.unreachable') throw error
      throw undialled(metad, error instanceof Error ? error.message : String(error), error)
    })
    const connection = thriftConnection(stream, { peer })
    open.add(connection)
    return connection
  }

  async function use<T>(
    metad: Metad,
    { fresh }: { readonly fresh: boolean },
    io: Io,
    act: (connection: ThriftConnection, isUsed: boolean) => Promise<T>,
  ): Promise<T> {
    const key = `${metad.from} ${addressText(metad.dial)}`
    const spare = idle.get(key) ?? []
    idle.set(key, spare)
    let connection = fresh ? undefined : spare.pop()
    while (connection !== undefined && !connection.usable()) {
      open.delete(connection)
      connection = spare.pop()
    }
    const lent = connection ?? (await connect(metad, io))
    try {
      return await act(lent, connection !== undefined)
    } finally {
      if (lent.usable()) spare.push(lent)
      else open.delete(lent)
    }
  }

  return Object.freeze({
    known,
    find,
    use,
    close: () => {
      for (const connection of open) connection.close()
      open.clear()
      idle.clear()
    },
  } satisfies Metads)
}

/** As messages name it. */
export function peerName({ address }: Metad): string {
  return `metad ${addressText(address)}`
}

function undialled(metad: Metad, why: string, cause?: unknown): BkpError {
  const at = addressText(metad.dial)
  const where = at === addressText(metad.address) ? '' : ` (dialled as ${at})`
  return new BkpError(
    'nebula.unreachable',
    `${peerName(metad)}${where} cannot be reached from host ${metad.from}: ${why}`,
    {
      cause,
      hint:
        'does it run, and is this its Thrift port (9559 by default)? Where services know each other ' +
        'by other addresses, as in containers: instances and address_map of the cluster say how to reach them',
      details: { metad: addressText(metad.address), host: metad.from },
    },
  )
}
