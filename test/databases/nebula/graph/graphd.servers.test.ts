import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../../../src/base/clock.ts'
import { quietIo } from '../../../../src/base/io.ts'
import { Secret } from '../../../../src/base/secret.ts'
import { takeFingerprint } from '../../../../src/databases/nebula/graph/fingerprint.ts'
import { runningJobs } from '../../../../src/databases/nebula/graph/jobs.ts'
import { graphClient } from '../../../../src/databases/nebula/graph/open.ts'
import { snapshotsByGraph } from '../../../../src/databases/nebula/graph/snapshots.ts'
import { startNebula } from '../../../servers/nebula/cluster.ts'
import type { NebulaCluster } from '../../../servers/nebula/contract.ts'
import { fakeHost, nothing } from '../fake-host.ts'

const io = quietIo
let running: NebulaCluster | undefined

afterEach(async () => {
  await running?.stop()
  running = undefined
})

/** Straight from this machine: how a client comes to its connection is not what this is about. */
function graphdOf(cluster: NebulaCluster, user = 'root', password = 'nebula') {
  const [graphd] = cluster.graphds
  const settings = {
    instances: { graphd: { g1: [{ address: graphd?.address, dial: graphd?.address }] } },
    user,
    password: new Secret(password),
  }
  const client = graphClient({
    name: 'graph',
    roles: { graphd: ['g1'] },
    settings,
    clock: systemClock,
    host: name => fakeHost(name, () => nothing),
    dial: async (_host, address) => {
      const socket = connect({ ...address, noDelay: true })
      await once(socket, 'connect')
      return socket
    },
  })
  if (client === undefined) throw new Error('no graphd')
  return client
}

test.each(['2.0', '3.3'] as const)(
  "a graphd of %s on the vendor's Thrift code: counts, jobs, snapshots, and what it refuses",
  async generation => {
    const cluster = await startNebula({
      generation,
      storageds: 1,
      authorize: true,
      spaces: [{ name: 'nba', partitions: 2, replicas: 1, rows: 3, tags: ['player'] }],
    })
    running = cluster
    const graph = graphdOf(cluster)

    const counting = { spaces: ['nba'], timeoutMs: 30_000, clock: systemClock }
    const { nba } = await takeFingerprint(graph, counting, io)
    expect(nba).toMatchObject({ vertices: 6, tags: { player: 6 } })
    const edges = Object.values(nba?.edgeTypes ?? {})
    expect(edges.reduce((sum, count) => sum + count, 0)).toBe(nba?.edges)

    await cluster.setJobs([{ id: 1, type: 'REBUILD_TAG_INDEX', status: 'RUNNING' }])
    const session = await graph.openReader(io)
    expect(await runningJobs(session, ['nba'], { generation }, io)).toMatchObject([
      { id: 1n, spaces: ['nba'], refusesBackup: true },
    ])
    await expect(runningJobs(session, ['nbb'], { generation }, io)).rejects.toMatchObject({
      code: 'nebula.space_not_found',
    })
    await session.close()

    const snapshots = snapshotsByGraph(graph, { settings: {} })
    await expect(snapshots.createSnapshot({}, io)).rejects.toMatchObject({
      code: 'nebula.backup_failed',
    })
    await cluster.setJobs([])
    const failed = await snapshots.listSnapshots(io)
    await snapshots.createSnapshot({}, io)
    const made = await snapshots.listSnapshots(io)
    expect(made.map(({ name }) => name)).toEqual(
      expect.arrayContaining(failed.map(({ name }) => name)),
    )
    expect(made.at(-1)).toMatchObject({ status: 'valid', hosts: [cluster.storageds[0]?.address] })
    for (const { name } of made) expect(await snapshots.dropSnapshot(name, io)).toBe('dropped')
    expect(await snapshots.listSnapshots(io)).toEqual([])

    const reader = snapshotsByGraph(graphdOf(cluster, 'reader', 'reader'), { settings: {} })
    await expect(reader.createSnapshot({}, io)).rejects.toMatchObject({
      code: 'nebula.refused',
      hint: expect.stringContaining('GOD'),
    })
    await expect(graphdOf(cluster, 'root', 'wrong').open(io)).rejects.toMatchObject({
      code: 'nebula.refused',
      message: expect.stringContaining('E_BAD_USERNAME_PASSWORD'),
    })
  },
)
