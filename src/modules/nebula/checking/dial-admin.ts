import type { Clock } from '../../../base/clock.ts'
import { asBkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { adminAddress, isLiteral } from '../../../databases/nebula/addresses.ts'
import { addressText, type ServiceAddress } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { type ClusterState, countParts } from '../../../databases/nebula/topology/state.ts'
import { type Findings, nothingFound, together } from './fault.ts'
import { within } from './wait-for-health.ts'

const dialMs = 10_000

/**
 * Dials the admin port of every storaged from the host of the leading metad, as metad will: a port that
 * only the storaged's own host sees makes createBackup fail (specs/nebula.md §1.1).
 */
export async function dialAdminPorts(
  hosts: readonly Host[],
  instances: readonly Instance[],
  state: Pick<ClusterState, 'leader' | 'storageds'>,
  clock: Clock,
  io: Io,
): Promise<Findings> {
  const leader = instances.find(
    ({ role, address }) => role === 'metad' && addressText(address) === addressText(state.leader),
  )
  const host = hosts.find(({ name }) => name === leader?.hostName)
  if (host === undefined) return nothingFound
  const holders = state.storageds.filter(({ parts }) => countParts(parts) > 0)
  const parts: Findings[] = []
  for (const { address } of holders) {
    const reason = await dialled(host, adminAddress(address), clock, io)
    if (reason !== undefined) parts.push(unreachable(host.name, address, reason))
  }
  return together(parts)
}

function unreachable(host: string, address: ServiceAddress, reason: string): Findings {
  const admin = addressText(adminAddress(address))
  const what = `the admin port ${admin} of storaged ${addressText(address)} cannot be reached from here, where metad leads (${reason})`
  // A name may be known inside metad's container, and nowhere else.
  if (!isLiteral(address.host)) return { faults: [], warnings: [`${host}: ${what}`] }
  const hint = 'open it between the hosts: createBackup would fail with E_RPC_FAILURE'
  return { faults: [{ host, what, hint }], warnings: [] }
}

async function dialled(
  host: Host,
  address: ServiceAddress,
  clock: Clock,
  io: Io,
): Promise<string | undefined> {
  try {
    const socket = await within(clock, dialMs, io, own => host.dial(address, own))
    if (socket === undefined) return 'no answer'
    socket.on('error', () => {})
    socket.destroy()
    return undefined
  } catch (thrown) {
    io.signal.throwIfAborted()
    // Whatever the transport throws is the answer.
    return asBkpError(thrown).message
  }
}
