import { BkpError } from '../../../base/errors.ts'
import { isMajor2 } from '../generations/versions.ts'
import { parseAddress } from '../layout.ts'
import { orderPairs } from './order-pairs.ts'
import type { StoragedPair } from './pair-storageds.ts'
import { type NebulaVersion, versionNumbers, versionText } from './versions.ts'

/**
 * How addresses in the meta tables become the new ones. `restore_meta`: every metad gets the pairs with
 * its files. `http_replace`: every metad gets its files and no pairs; once they have a leader, and
 * before a storaged starts, its HTTP endpoint `/replace` gets each pair of hosts, in this order.
 */
export type MetaMethod = 'restore_meta' | 'http_replace'

/** What the metads are asked for. */
export interface MetaPlan {
  readonly method: MetaMethod
  /** In the order in which they must be applied; only those that change something. */
  readonly pairs: readonly StoragedPair[]
  readonly lines: readonly string[]
}

/** A name that no service can have: rings of addresses go through it. */
const temporaryAddress = (index: number): string => `bkp-swap.invalid:${index + 1}`

/**
 * How the metads of a version take these pairs (specs/nebula.md §2.2): 3.1 and newer apply them at
 * once, older ones one by one; up to 2.6 only the leader can rewrite addresses, so that with several
 * metads its HTTP endpoint has to. Pure.
 * @throws nebula.topology where there is no safe way
 */
export function chooseMetaMethod(
  pairs: readonly StoragedPair[],
  cluster: NebulaVersion & { readonly metads: number; readonly metaFiles: readonly string[] },
): MetaPlan {
  const changed = pairs.filter(({ from, to }) => from !== to)
  if (changed.length === 0) {
    return { method: 'restore_meta', pairs: [], lines: ['no address changes in the meta tables'] }
  }
  if (appliesAtOnce(cluster)) return { method: 'restore_meta', pairs: changed, lines: [] }
  if (isMajor2(cluster.generation) && cluster.metads > 1) return replaceByHttp(pairs, cluster)
  const { ordered, rings } = orderPairs(changed, temporaryAddress)
  const lines = rings === 0 ? [] : [`${rings} rings of addresses go through temporary ones`]
  return { method: 'restore_meta', pairs: ordered, lines }
}

function appliesAtOnce({ generation, version }: NebulaVersion): boolean {
  if (generation === '3.3') return true
  const [major = 0, minor = 0] = versionNumbers(version) ?? []
  return generation === '3.0' && major === 3 && minor >= 1
}

/** The endpoint knows hosts and no ports, rewrites partitions and no zones. */
function replaceByHttp(
  pairs: readonly StoragedPair[],
  cluster: NebulaVersion & { readonly metads: number; readonly metaFiles: readonly string[] },
): MetaPlan {
  const refuse = (why: string): BkpError =>
    new BkpError(
      'nebula.topology',
      `NebulaGraph ${versionText(cluster)} with ${cluster.metads} metads cannot take other addresses: ${why}`,
      {
        hint: 'restore to hosts with the old addresses, or into a cluster with one metad and add the others later',
      },
    )
  if (cluster.metaFiles.some(name => name === '__zones__.sst' || name === '__groups__.sst')) {
    throw refuse('only its leader can rewrite them, over HTTP, and that leaves zones as they are')
  }
  const hosts = new Map<string, string>()
  for (const { from, to } of pairs) {
    const [old, now] = [parseAddress(from), parseAddress(to)]
    if (old === undefined || now === undefined || old.port !== now.port) {
      throw refuse(`over HTTP hosts are replaced, not ports, and ${from} becomes ${to}`)
    }
    const before = hosts.get(old.host)
    if (before !== undefined && before !== now.host) {
      throw refuse(`over HTTP whole hosts are replaced, and ${old.host} becomes two`)
    }
    hosts.set(old.host, now.host)
  }
  return orderHosts(new Map([...hosts].filter(([from, to]) => from !== to)), pairs, refuse)
}

function orderHosts(
  hosts: ReadonlyMap<string, string>,
  all: readonly StoragedPair[],
  refuse: (why: string) => BkpError,
): MetaPlan {
  const pairs = [...hosts].map(([from, to]) => ({ from, to }))
  const { ordered, rings } = orderPairs(pairs, temporaryAddress)
  if (rings > 0) throw refuse('they change places, and over HTTP there is no name between')
  const port = new Map(all.map(({ from }) => [parseAddress(from)?.host, parseAddress(from)?.port]))
  return {
    method: 'http_replace',
    pairs: ordered.map(({ from, to }) => ({
      from: `${from}:${port.get(from) ?? 0}`,
      to: `${to}:${port.get(from) ?? 0}`,
    })),
    lines: [
      'addresses are rewritten over HTTP by the leader of the metads, before storageds start',
    ],
  }
}
