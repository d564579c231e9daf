import { duplexPair } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../../src/base/clock.ts'
import { BkpError } from '../../../../src/base/errors.ts'
import { quietIo } from '../../../../src/base/io.ts'
import { Secret } from '../../../../src/base/secret.ts'
import type { ClusterAccess } from '../../../../src/databases/contract.ts'
import type { MetaClient, MetaReader } from '../../../../src/databases/nebula/contract.ts'
import { graphClient } from '../../../../src/databases/nebula/graph/open.ts'
import { showSpaces } from '../../../../src/databases/nebula/graph/statements.ts'
import {
  clientWithGraph,
  readerWithGraph,
} from '../../../../src/databases/nebula/graph/with-graph.ts'
import { fakeHost, nothing } from '../fake-host.ts'
import { fakeGraphd, type Said } from './fake-graphd.ts'

const spaces: Said = { columns: ['Name'], rows: [['nba']] }

/** A host without configuration files. */
const bareHost = (name: string) => fakeHost(name, () => nothing)

/** Two hosts with a graphd each, of which the first may be down in some way. */
function access(
  settings: Readonly<Record<string, unknown>>,
  down?: 'refuses' | 'is no graphd' | 'ssh',
) {
  const graphd = fakeGraphd(() => spaces)
  const dialled: string[] = []
  const access: ClusterAccess = {
    name: 'graph',
    roles: { graphd: ['g1', 'g2'] },
    settings: { ...settings, instances: { graphd: { g1: [one(1)], g2: [one(2)] } } },
    clock: systemClock,
    host: name => {
      if (down === 'ssh' && name === 'g1') {
        return {
          ...fakeHost(name),
          ask: () => Promise.reject(new BkpError('ssh.unreachable', name)),
        }
      }
      return bareHost(name)
    },
    dial: async (host, { port }) => {
      dialled.push(`${host} ${port}`)
      if (host === 'g1' && down === 'refuses') throw new Error('connection refused')
      if (host === 'g1' && down === 'is no graphd') {
        const [ours, theirs] = duplexPair()
        ours.end('HTTP/1.1 400 Bad Request\r\n\r\n')
        return theirs
      }
      return await graphd.connect()
    },
  }
  return { access, dialled, graphd }
}

const one = (last: number) => ({ address: `10.0.0.${last}:9669`, dial: `127.0.0.1:966${last}` })

describe('graphds of a cluster', () => {
  it('are none where the inventory has none', () => {
    expect(graphClient({ ...access({}).access, roles: { metad: ['m1'] } })).toBeUndefined()
  })

  it.each([undefined, 'refuses', 'is no graphd', 'ssh'] as const)(
    'are tried in order (the first: %s)',
    async down => {
      const { access: reached, dialled } = access({}, down)
      const session = await graphClient(reached)?.open(quietIo)
      expect(session?.address).toBe(down === undefined ? '10.0.0.1:9669' : '10.0.0.2:9669')
      expect((await session?.read(showSpaces, quietIo))?.rows).toEqual([['nba']])
      expect(dialled.at(-1)).toBe(down === undefined ? 'g1 9661' : 'g2 9662')
      await session?.close()
    },
  )

  it('that refuse the user are not tried one after the other', async () => {
    const { access: reached, dialled } = access({ user: 'bkp', password: new Secret('wrong') })
    await expect(graphClient(reached)?.open(quietIo)).rejects.toMatchObject({
      code: 'nebula.refused',
    })
    expect(dialled).toEqual(['g1 9661'])
  })

  it('that all are down are told together', async () => {
    const { access: reached } = access({})
    const client = graphClient({ ...reached, dial: () => Promise.reject(new Error('no route')) })
    await expect(client?.open(quietIo)).rejects.toMatchObject({
      code: 'nebula.unreachable',
      message: expect.stringMatching(/127\.0\.0\.1:9661 from g1.*127\.0\.0\.1:9662 from g2/),
    })
  })
})

describe('a client of the cluster', () => {
  const meta = { listSnapshots: async () => [] } as unknown as MetaReader & MetaClient

  it('asks metad for snapshots, and graphd where the inventory says so', async () => {
    const { access: reached } = access({})
    expect(clientWithGraph(meta, reached).listSnapshots).toBe(meta.listSnapshots)
    const byGraph = { ...reached, settings: { ...reached.settings, snapshots_by: 'graphd' } }
    expect(clientWithGraph(meta, byGraph).listSnapshots).not.toBe(meta.listSnapshots)
    expect(readerWithGraph(meta, byGraph).listSnapshots).not.toBe(meta.listSnapshots)
  })

  it('cannot do so without a graphd', () => {
    const reached = { ...access({}).access, roles: {}, settings: { snapshots_by: 'graphd' } }
    expect(() => clientWithGraph(meta, reached)).toThrow(/has no graphd/)
    expect(readerWithGraph(meta, { ...reached, settings: {} }).graph).toBeUndefined()
  })

  it('that only reads cannot be given a statement that writes', () => {
    expect(Object.keys(readerWithGraph(meta, access({}).access).graph ?? {})).toEqual([
      'openReader',
    ])
  })
})
