import type { MetaClient } from '../../../src/databases/nebula/contract.ts'
import type { GraphClient } from '../../../src/databases/nebula/graph/contract.ts'
import type { WritableSite } from '../../../src/modules/contract.ts'
import { instantClock } from '../../databases/nebula/graph/clock.ts'

/** A site of a cluster with two spaces, and a graphd if there is one. */
export function siteWithGraph(
  graph?: GraphClient,
): WritableSite & { readonly closed: () => number } {
  let closed = 0
  const client = {
    version: async () => ({ generation: '3.3', version: '3.8.0' }),
    listSpaces: async () => [
      { id: 1, name: 'nba' },
      { id: 2, name: 'docs' },
    ],
    close: async () => {
      closed += 1
    },
    ...(graph === undefined ? {} : { graph }),
  } as unknown as MetaClient
  const refuse = (): never => {
    throw new Error('not part of this site')
  }
  return {
    hosts: [],
    run: {
      id: '20261121_100000-abcdef',
      step: '1',
      startedAt: new Date(0),
      clock: instantClock(),
      random: refuse,
      toolVersion: '0.1.0',
      documents: [],
    },
    storage: refuse,
    cluster: name => ({
      name,
      kind: 'nebula',
      roles: { metad: ['m1'], storaged: ['s1'] },
      hosts: ['m1', 's1'],
      settings: {},
    }),
    client: async () => client,
    closed: () => closed,
  }
}
