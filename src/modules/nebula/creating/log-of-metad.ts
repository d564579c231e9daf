import type { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { addressText } from '../../../databases/nebula/contract.ts'
import { readInstances } from '../../../databases/nebula/read-instances.ts'
import type { Dropping } from '../dropping/drop.ts'
import { logTail } from '../shared/log-tail.ts'

/**
 * The end of the log of the metad that an error is of, for its details: its codes say little of why
 * (specs/nebula.md §4, 9). Nothing where it cannot be read.
 */
export async function logOfMetad(
  { details }: BkpError,
  { site, cluster }: Pick<Dropping, 'cluster' | 'site'>,
  io: Io,
): Promise<{ readonly log?: string }> {
  try {
    const { roles, settings } = cluster
    const metads = { metad: roles['metad'] ?? [] }
    const instances = await readInstances(site.hosts, { roles: metads, settings }, io)
    const metad = instances.find(({ address }) => addressText(address) === details['metad'])
    const host = site.hosts.find(({ name }) => name === metad?.hostName)
    if (metad === undefined || host === undefined) return {}
    return { log: await logTail(host, metad, io) }
  } catch {
    io.signal.throwIfAborted()
    return {}
  }
}
