/** A storaged of the backup and the one of the cluster that takes its place; `host:port` both. */
export interface StoragedPair {
  readonly from: string
  readonly to: string
}

/** A storaged as the backup names it. */
export interface OldStoraged {
  readonly address: string
  /** Whether the backup holds anything of it: only then something has to take its place. */
  readonly holdsParts: boolean
}

/** Who takes whose place, and what stands against it; pairs are whole only without faults. */
export interface Pairing {
  readonly pairs: readonly StoragedPair[]
  /** Storageds that held nothing and are not in the cluster. */
  readonly gone: readonly string[]
  /** Storageds of the cluster that get nothing from the backup. */
  readonly added: readonly string[]
  readonly faults: readonly string[]
}

/**
 * Pairs the storageds of a backup with those of a cluster: as the map says, and otherwise each with
 * itself; never by their order, which would shift all after the first that differs
 * (specs/nebula.md §2.2, step 8). Hosts that held a partition are compared, not numbers of them (§4, 4).
 * Never two old ones onto one new. Pure.
 */
export function pairStorageds(
  olds: readonly OldStoraged[],
  news: readonly string[],
  hostMap: Readonly<Record<string, string>>,
): Pairing {
  const explicit = new Map(Object.entries(hostMap))
  const known = new Set(olds.map(({ address }) => address))
  const there = new Set(news)
  const faults: string[] = []
  for (const [from, to] of explicit) {
    if (!known.has(from)) {
      faults.push(`host_map: the backup has no storaged ${from}, but ${listed([...known])}`)
    }
    if (!there.has(to)) {
      faults.push(`host_map: the cluster has no storaged ${to}, but ${listed(news)}`)
    }
  }
  const pairs: StoragedPair[] = []
  const gone: string[] = []
  const missing: string[] = []
  for (const { address, holdsParts } of olds) {
    const to = explicit.get(address) ?? (there.has(address) ? address : undefined)
    if (to !== undefined) pairs.push({ from: address, to })
    else if (holdsParts) missing.push(address)
    else gone.push(address)
  }
  const taken = new Map<string, string>()
  for (const { from, to } of pairs) {
    const other = taken.get(to)
    if (other === undefined) taken.set(to, from)
    else faults.push(`${other} and ${from} of the backup would both become ${to}`)
  }
  const added = [...there].filter(address => !taken.has(address))
  faults.push(...missing.map(address => missingFault(address, added)))
  return { pairs, gone, added, faults }
}

function missingFault(address: string, free: readonly string[]): string {
  const choice =
    free.length === 0
      ? 'and every storaged of the cluster has its place already'
      : `say which takes its place: host_map: { "${address}": "${free[0]}" }`
  return `${address} held partitions, and the cluster has no such storaged: ${choice}`
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
