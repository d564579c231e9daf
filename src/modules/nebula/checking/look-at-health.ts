import { asBkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { addressText, type MetaReader } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import {
  type ClusterState,
  countParts,
  readState,
  spaceFaults,
} from '../../../databases/nebula/topology/state.ts'

/** What a cluster is expected to have. */
export interface Expected {
  readonly instances: readonly Instance[]
  /** Names of all spaces; anything goes without it. */
  readonly spaces?: readonly string[]
}

/** One look: what is missing yet, and what the reader should know. */
export interface Look {
  readonly missing: readonly string[]
  readonly warnings: readonly string[]
  /** What the metads say, where they say anything. */
  readonly state?: ClusterState
}

/** Looks once. A metad that does not answer is something missing, not an error. */
export async function lookAtHealth(
  reader: MetaReader,
  { instances, spaces }: Expected,
  io: Io,
): Promise<Look> {
  const silent = await silentMetads(reader, instances, io)
  let state: ClusterState
  try {
    state = await readState(reader, io)
  } catch (thrown) {
    io.signal.throwIfAborted()
    const error = asBkpError(thrown)
    // A fault of ours, or settings that cannot work: waiting does not help.
    if (!error.code.startsWith('nebula.') || error.code === 'nebula.version') throw thrown
    return { missing: [...silent, error.message], warnings: [] }
  }
  const { faults, warnings } = storagedFaults(state, instances)
  const missing = [
    ...silent,
    ...faults,
    ...state.spaces.flatMap(space => spaceFaults(space, state.storageds)),
    ...(spaces === undefined ? [] : differentSpaces(state, spaces)),
  ]
  return { missing, warnings, state }
}

async function silentMetads(
  reader: MetaReader,
  instances: readonly Instance[],
  io: Io,
): Promise<readonly string[]> {
  const silent: string[] = []
  for (const { role, hostName, address } of instances) {
    if (role !== 'metad') continue
    try {
      // Answered by each metad itself, leader or not.
      await reader.metaDirectories(address, io)
    } catch (thrown) {
      io.signal.throwIfAborted()
      const { message } = asBkpError(thrown)
      silent.push(`${hostName}: metad ${addressText(address)} does not answer (${message})`)
    }
  }
  return silent
}

function storagedFaults(
  { storageds }: ClusterState,
  instances: readonly Instance[],
): { readonly faults: readonly string[]; readonly warnings: readonly string[] } {
  const rows = new Map(storageds.map(row => [addressText(row.address), row]))
  const expected = instances.filter(({ role }) => role === 'storaged')
  const faults = expected.flatMap(({ hostName, address }) => {
    const status = rows.get(addressText(address))?.status ?? 'not known to the metads'
    return status === 'online' ? [] : [`${hostName}: storaged ${addressText(address)} is ${status}`]
  })
  const known = new Set(expected.map(({ address }) => addressText(address)))
  const others = storageds.filter(({ address }) => !known.has(addressText(address)))
  const off = others.filter(({ status }) => status !== 'online')
  return {
    faults: [
      ...faults,
      ...off
        .filter(({ parts }) => countParts(parts) > 0)
        .map(
          ({ address, status }) =>
            `storaged ${addressText(address)} has partitions and is ${status}`,
        ),
    ],
    // Where a restore went to other hosts, the old ones stay in SHOW HOSTS (nebula-br#31).
    warnings: off
      .filter(({ parts }) => countParts(parts) === 0)
      .map(
        ({ address, status }) =>
          `storaged ${addressText(address)} is ${status}, holds nothing and is not in the inventory: DROP HOSTS removes it`,
      ),
  }
}

function differentSpaces(state: ClusterState, expected: readonly string[]): readonly string[] {
  const found = new Set(state.spaces.map(({ name }) => name))
  const wanted = new Set(expected)
  return [
    ...expected.filter(name => !found.has(name)).map(name => `space ${name} is not there`),
    ...[...found].filter(name => !wanted.has(name)).map(name => `space ${name} is not expected`),
  ]
}
