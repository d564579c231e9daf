import type { Duplex } from 'node:stream'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { Secret } from '../../../base/secret.ts'
import type { ClusterAccess } from '../../contract.ts'
import { addressText, type ServiceAddress } from '../contract.ts'
import type { Instance } from '../instances.ts'
import { readInstances } from '../read-instances.ts'
import type { NebulaSettings } from '../settings.ts'
import type { GraphClient, GraphSession } from './contract.ts'
import { openSession } from './session.ts'

/** Where authorization is off, which is the default, any user and password will do. */
const anyUser = 'root'
const anyPassword = new Secret('nebula')

/**
 * nGQL over the graphds of a cluster, tried in inventory order; undefined where the inventory has none.
 * Only a graphd that cannot be reached makes room for the next: what one refuses, all refuse.
 */
export function graphClient(access: ClusterAccess): GraphClient | undefined {
  const hosts = access.roles['graphd'] ?? []
  if (hosts.length === 0) return undefined

  async function open(io: Io): Promise<GraphSession> {
    const faults: BkpError[] = []
    const attempt = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await act()
      } catch (error) {
        if (!(error instanceof BkpError) || !canTryNext(error) || io.signal.aborted) throw error
        faults.push(error)
        return undefined
      }
    }
    for (const host of hosts) {
      const graphds = await attempt(() => graphdsOf(access, host, io))
      for (const graphd of graphds ?? []) {
        const session = await attempt(() => openSession(sessionOptions(access, graphd), io))
        if (session !== undefined) return session
      }
    }
    throw noneAnswers(access, faults)
  }

  return Object.freeze({ open, openReader: open } satisfies GraphClient)
}

function canTryNext({ code }: BkpError): boolean {
  return code === 'nebula.unreachable' || code === 'nebula.protocol' || code.startsWith('ssh.')
}

function noneAnswers({ name }: ClusterAccess, faults: readonly BkpError[]): BkpError {
  const [first, ...others] = faults
  if (first !== undefined && others.length === 0) return first
  const why = faults.map(({ message }) => message).join('; ')
  return new BkpError('nebula.unreachable', `no graphd of ${name} answers: ${why}`, {
    faults,
    hint: 'start graphd, or correct instances.graphd of the cluster in the inventory',
  })
}

/** The graphds of one host: another that is down is none of its business. */
async function graphdsOf(
  access: ClusterAccess,
  host: string,
  io: Io,
): Promise<readonly Instance[]> {
  // The loader checked them against the schema of the kind.
  const settings = access.settings as NebulaSettings
  return await readInstances([access.host(host)], { roles: { graphd: [host] }, settings }, io)
}

function sessionOptions(access: ClusterAccess, { hostName, address, dial }: Instance) {
  const { user = anyUser, password } = access.settings as NebulaSettings
  return {
    address: addressText(address),
    user,
    password: password instanceof Secret ? password : anyPassword,
    clock: access.clock,
    connect: async (io: Io) => await connect(access, hostName, dial, io),
  }
}

async function connect(
  access: ClusterAccess,
  host: string,
  dial: ServiceAddress,
  io: Io,
): Promise<Duplex> {
  try {
    return await access.dial(host, dial, io)
  } catch (error) {
    if (io.signal.aborted || (error instanceof BkpError && error.code.startsWith('ssh.')))
      throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new BkpError(
      'nebula.unreachable',
      `graphd cannot be reached at ${addressText(dial)} from ${host}: ${why}`,
      { cause: error, hint: `is graphd running on ${host}? nebula.service starts it` },
    )
  }
}
